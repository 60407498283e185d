// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build examples

package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// TestUnitsAreVerifiedBySystemd has systemd verify the units and rate the exposure of the services.
func TestUnitsAreVerifiedBySystemd(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "systemd-analyze")
	program, err := exec.LookPath("stats-service")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	units, err := filepath.Glob(root + "/deploy/systemd/stats-service*")
	if err != nil || len(units) < 10 {
		t.Fatalf("found the units %v (%v)", units, err)
	}
	verify := []string{"verify", "--man=no"}
	for _, path := range units {
		text := strings.ReplaceAll(read(t, path), "/usr/bin/stats-service", program)
		if name := filepath.Base(path); strings.HasSuffix(name, ".service") && name != "stats-service.service" {
			text += read(t, root+"/deploy/systemd/commands.conf") // the drop-in of the packages
		}
		unit := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		verify = append(verify, unit)
		if strings.HasSuffix(unit, ".service") {
			analyze(t, "security", "--offline=true", "--threshold=20", unit)
		}
	}
	if said := analyze(t, verify...); said != "" {
		t.Errorf("systemd says of the units:\n%s", said)
	}
}

func analyze(t *testing.T, args ...string) string {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

// TestLogrotateReopensTheLog lets logrotate move the log of a running service away, which then writes
// to a new file.
func TestLogrotateReopensTheLog(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "logrotate")
	m := newMachine(t, pgtest.New(t), "log_format = \"json\"\n")
	log := filepath.Join(m.dir, "stats.log")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	owner := me.Username + " " + group.Name
	m.instead = []string{"/var/log/stats-service/", m.dir + "/", "stats-service stats-service", owner}
	m.write("logrotate.conf", m.here(read(t, root+"/deploy/logrotate/stats-service")))
	if err := os.Mkdir(filepath.Join(m.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	// What "systemctl reload" does, as the unit says.
	m.write("bin/systemctl", "#!/bin/sh\n[ \"$*\" = 'reload stats-service.service' ] && kill -HUP $(cat "+m.dir+"/pid)\n")
	if err := os.Chmod(filepath.Join(m.dir, "bin/systemctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	const before, after = "/about.json", "/api/v1/swagger.json"
	m.serves("echo $$ >pid\nexport LOG_PATH="+log+"\nexec stats-service serve", []string{m.address}, func() {
		ask(t, http.StatusOK, http.MethodGet, "http://"+m.address+before, "", "")
		servicetest.Eventually(t, "the log has the request", func() bool { return strings.Contains(read(t, log), before) })
		m.types(fmt.Sprintf("PATH=%s/bin:$PATH:/usr/sbin logrotate --force --state %[1]s/state %[1]s/logrotate.conf", m.dir))
		// The service hears of it a moment later.
		servicetest.Eventually(t, "the service writes to the new file", func() bool {
			ask(t, http.StatusOK, http.MethodGet, "http://"+m.address+after, "", "")
			return strings.Contains(read(t, log), after)
		})
	})
	if !strings.Contains(read(t, log+".1"), before) {
		t.Error("the log that was moved away lacks what was in it")
	}
}
