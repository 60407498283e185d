// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
)

func TestReadURLs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text  string
		want  []string
		shown string
	}{
		"one": {"postgres://r/d", []string{"postgres://r/d"}, "postgres://r/d"},
		"several hosts": {
			"postgresql://u:p@r1:5433,r2,[::1]:5432/d?sslmode=require",
			[]string{"postgresql://u:p@r1:5433/d?sslmode=require", "postgresql://u:p@r2/d?sslmode=require", "postgresql://u:p@[::1]:5432/d?sslmode=require"},
			"postgresql://u:xxxxx@r1:5433/d?sslmode=require,postgresql://u:xxxxx@r2/d?sslmode=require,postgresql://u:xxxxx@[::1]:5432/d?sslmode=require",
		},
		"several URLs": {
			"postgres://a/d, postgres://u:p,q@b,c/d",
			[]string{"postgres://a/d", "postgres://u:p,q@b/d", "postgres://u:p,q@c/d"},
			"postgres://a/d,postgres://u:xxxxx@b/d,postgres://u:xxxxx@c/d",
		},
		"a socket": {"postgres:///d?host=/run/pg", []string{"postgres:///d?host=/run/pg"}, "postgres:///d?host=/run/pg"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := load(t, nil, "DATABASE_URL=postgres://p/d", "DATABASE_READ_URL="+test.text)
			if diff := cmp.Diff(test.want, c.ReadURLs()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := shown(c, "DATABASE_READ_URL"); got != test.shown {
				t.Errorf("shown as %q, want %q", got, test.shown)
			}
		})
	}
	if got := (config.Config{}).ReadURLs(); len(got) != 0 {
		t.Errorf("without replicas there are %q", got)
	}
}

func TestReplicasNeedAPrimary(t *testing.T) {
	t.Parallel()
	got := problems(t, nil, "DATABASE_READ_URL=postgres://r/d")
	want := []string{"set without DB_HOSTNAME: DATABASE_READ_URL; set DB_HOSTNAME or DATABASE_URL too, or none of these for a private database"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMaxLag(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1s": "1s", "90s": "1m30s", "2m": "2m", "60m": "1h", "1500ms": "1.5s"} {
		if got := shown(load(t, nil, "DATABASE_READ_MAX_LAG="+text), "DATABASE_READ_MAX_LAG"); got != want {
			t.Errorf("%s is shown as %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"0s", "-1s", "2h", "30", "soon"} {
		if got := problems(t, nil, "DATABASE_READ_MAX_LAG="+text); len(got) != 1 {
			t.Errorf("%s: %q, want one problem", text, got)
		}
	}
}
