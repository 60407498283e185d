// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
)

func TestSettingsFromAFile(t *testing.T) {
	t.Parallel()
	want := defaults()
	want.Host = "::1"
	want.Port = 8080
	want.FixProxy = true
	want.RateLimit = 2.5
	want.AdminToken = "0123"
	want.LogFormat = config.LogJSON
	for path, content := range map[string]string{
		"stats.toml": "# comment\nHOST = '::1'\nport = 8080\nFIX_PROXY = true\nRATE_LIMIT = 2.5\nADMIN_TOKEN = '0123'\nLog_Format = 'json'\nTZ = ''\n",
		"stats.yaml": "# comment\nHOST: '::1'\nport: 8080\nFIX_PROXY: true\nRATE_LIMIT: 2.5\nADMIN_TOKEN: 0123\nLog_Format: json\nTZ:\n",
		"STATS.YML":  "---\nHOST: &h ::1\nport: 8080\nFIX_PROXY: yes\nRATE_LIMIT: 2.5\nADMIN_TOKEN: '0123'\nLog_Format: json\n",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			want := want
			want.File = path
			got := load(t, files{path: content}, "STATS_CONFIG="+path)
			if diff := cmp.Diff(want, got, compareZones); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEmptyFile(t *testing.T) {
	t.Parallel()
	for path, content := range map[string]string{
		"a.toml": "", "b.yaml": "", "c.yml": "---\n", "d.yaml": "# nothing\n", "e.toml": "# nothing\n",
	} {
		want := defaults()
		want.File = path
		got := load(t, files{path: content}, "STATS_CONFIG="+path)
		if diff := cmp.Diff(want, got, compareZones); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	t.Parallel()
	disk := files{
		"stats.toml":   "port = 1\nhost = 'from-file'\nadmin_token_file = 'file-secret'\nremote_stats_token = 'inline'\n",
		"file-secret":  "from-file-secret\r\n",
		"other-secret": "from-other-secret\n\n",
	}
	tests := map[string]struct {
		environ []string
		want    map[string]string // setting to its value; secrets by name below
	}{
		"file alone": {
			nil,
			map[string]string{"host": "from-file", "admin": "from-file-secret", "remote": "inline"},
		},
		"environment wins": {
			[]string{"HOST=from-environment", "ADMIN_TOKEN=inline", "REMOTE_STATS_TOKEN_FILE=other-secret"},
			map[string]string{"host": "from-environment", "admin": "inline", "remote": "from-other-secret"},
		},
		"an empty variable does not win": {
			[]string{"HOST=", "ADMIN_TOKEN="},
			map[string]string{"host": "from-file", "admin": "from-file-secret", "remote": "inline"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := load(t, disk, append(tt.environ, "STATS_CONFIG=stats.toml")...)
			got := map[string]string{"host": c.Host, "admin": string(c.AdminToken), "remote": string(c.RemoteStatsToken)}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if c.Port != 1 {
				t.Errorf("PORT is %d, want that of the file", c.Port)
			}
		})
	}
}

func TestInvalidFileValueHiddenByEnvironment(t *testing.T) {
	t.Parallel()
	c := load(t, files{"s.toml": "port = 'abc'"}, "STATS_CONFIG=s.toml", "PORT=7")
	if c.Port != 7 {
		t.Errorf("PORT is %d, want 7", c.Port)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, content, want string }{
		"extension":         {"s.json", "{}", `STATS_CONFIG in the environment is "s.json"; accepted is the path of a file that ends in .toml, .yaml or .yml`},
		"TOML syntax":       {"s.toml", "port = 1\nadmin_token = thush\n", "s.toml cannot be read: it is not valid TOML at line 2;"},
		"TOML repeated":     {"s.toml", "port = 1\nport = 2\n", "s.toml cannot be read: it is not valid TOML at line 2;"},
		"TOML date":         {"s.toml", "admin_token = 2024-01-01\n", "ADMIN_TOKEN in s.toml is not a plain value; accepted is text"},
		"TOML table":        {"s.toml", "[port]\na = 'hush'\n", "PORT in s.toml is a table; accepted is text"},
		"YAML syntax":       {"s.yaml", "port: 1\nadmin_token: 'hush\n", "s.yaml cannot be read: it is not valid YAML near line"},
		"YAML anchor":       {"s.yaml", "admin_token: *hush\n", "s.yaml cannot be read: it is not valid YAML"},
		"YAML scalar":       {"s.yaml", "ADMIN_TOKEN=hush\n", "s.yaml cannot be read: it is not a list of settings"},
		"YAML documents":    {"s.yaml", "port: 1\n---\nport: 2\n", "s.yaml cannot be read: it holds more than one YAML document"},
		"YAML repeated":     {"s.yaml", "port: 1\nport: 2\n", "PORT is in s.yaml more than once"},
		"YAML table":        {"s.yaml", "admin_token:\n  value: hush\n", "ADMIN_TOKEN in s.yaml is a table"},
		"YAML list":         {"s.yaml", "admin_token: [hush]\n", "ADMIN_TOKEN in s.yaml is a list"},
		"typing error":      {"s.yaml", "INSTANCE_ULR: x\n", `"INSTANCE_ULR" in s.yaml is not a setting; did you mean INSTANCE_URL?`},
		"file of no secret": {"s.yaml", "host_file: x\n", `"host_file" in s.yaml is not a setting; remove it or correct its name`},
		"both":              {"s.yaml", "secret_key: a\nsecret_key_file: b\n", "SECRET_KEY and SECRET_KEY_FILE are both set in s.yaml; set one of them"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problems(t, files{tt.path: tt.content}, "STATS_CONFIG="+tt.path)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("got %q, want one line that starts with %q", got, tt.want)
			}
			if strings.Contains(strings.Join(got, ""), "hush") {
				t.Errorf("the secret is in %q", got)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	want := []string{
		`STATS_CONFIG in the environment names "none.toml", which cannot be read: file does not exist`,
		`PORT in the environment is "x"; accepted is a port from 0 to 65535, 0 being any free one`,
	}
	got := problems(t, nil, "STATS_CONFIG=none.toml", "PORT=x")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The file of the installed service is used if no other is named.
func TestDefaultFile(t *testing.T) {
	t.Parallel()
	disk := files{config.DefaultFile: "PORT = 7000\n", "other.toml": "PORT = 8000\n", "docker.py": "PORT = 9000\n"}
	tests := map[string]struct {
		environ []string
		file    string
		port    int
	}{
		"nothing is named":       {nil, config.DefaultFile, 7000},
		"the name is empty":      {[]string{"STATS_CONFIG="}, config.DefaultFile, 7000},
		"the environment wins":   {[]string{"PORT=6000"}, config.DefaultFile, 6000},
		"another file is named":  {[]string{"STATS_CONFIG=other.toml"}, "other.toml", 8000},
		"a Python file is named": {[]string{"STATS_CONFIG=docker.py"}, config.DefaultFile, 7000},
	}
	for name, tt := range tests {
		got := load(t, disk, tt.environ...)
		if got.File != tt.file || got.Port != tt.port {
			t.Errorf("%s: port %d of file %q, want %d of %q", name, got.Port, got.File, tt.port, tt.file)
		}
	}
	if got := load(t, nil); got.File != "" {
		t.Errorf("without a file it is %q", got.File)
	}
	closed := func(name string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	_, err := config.Load(nil, closed)
	want := config.DefaultFile + " cannot be read: permission denied; run this as a user who may, or name another file in STATS_CONFIG"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %q", err, want)
	}
}

// A Python file is not used. The warning lists its names, never its values.
func TestPythonFile(t *testing.T) {
	t.Parallel()
	const warning = `STATS_CONFIG names the Python file "docker.py", which is not read: set its settings in the environment, or in /etc/stats-service/stats-service.toml`
	tests := map[string]struct {
		disk files
		want string
	}{
		"missing": {nil, warning + " (they cannot be listed: file does not exist)"},
		"empty":   {files{"docker.py": "# nothing\n"}, warning},
		"names": {
			files{"docker.py": "import os\n# ADMIN_URL = 'x'\nHOST = '0.0.0.0'\nPORT: int = 5000\nSECRET_KEY=os.environ['HUSH']\r\n" +
				"if HOST == PORT:\n    HOST = 'hush'\nDB_CONFIG_DICT = {\n    'user': 'hush',\n}\nSQLALCHEMY_DATABASE_URI = \"postgres://{u}:{HUSH}\".format(\n    u='x', **DB_CONFIG_DICT\n)\n" +
				"TEXT = \"\"\"\nHUSH = hush \\\"\"\"\nHUSHED = 1\n\"\"\"\nLONG = 'a\\\nHUSH=b'\ndef f(x):\n    lower = 1\n    return x\n"},
			warning + "; settings of this name are HOST, PORT, SECRET_KEY; not known by this name are DB_CONFIG_DICT, SQLALCHEMY_DATABASE_URI, TEXT, LONG",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := load(t, tt.disk, "STATS_CONFIG=docker.py")
			if diff := cmp.Diff([]string{tt.want}, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got)\n%s", diff)
			}
			got.Warnings = nil
			if diff := cmp.Diff(defaults(), got, compareZones); diff != "" {
				t.Errorf("settings (-want +got)\n%s", diff)
			}
		})
	}
}
