package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
	"time"
)

func TestZZSize(t *testing.T) {
	s := setup(t)
	s.addYear()
	for _, p := range []string{"/stats", "/stats?days=365&top=15", "/stats/evolution?days=365", "/stats/evolution?of=risks&days=365", "/stats/evolution?days=365&group=day&top=15", "/stats/cartography", "/stats/compliance", "/stats/map", "/stats/map?world=1", "/help"} {
		begin := time.Now()
		b := s.get(p).body
		took := time.Since(begin)
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write([]byte(b))
		w.Close()
		var zs bytes.Buffer
		i, j := strings.Index(b, "<svg"), strings.LastIndex(b, "</svg>")
		w = gzip.NewWriter(&zs)
		w.Write([]byte(b[i:j]))
		w.Close()
		t.Logf("%-45s %7d raw %6d gz, svg %6d gz  %v", p, len(b), z.Len(), zs.Len(), took)
		os.WriteFile("/tmp/charts/page"+strings.NewReplacer("/", "_", "?", "_").Replace(p)+".html", []byte(b), 0o644)
	}
}
