// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build npm && linux && amd64

package cli_test

import (
	"crypto/sha512"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMirrorPage fills a mirror as docs/operating.md shows it. The package has the name
// that the document says, and is the one that the service takes.
func TestMirrorPage(t *testing.T) {
	t.Parallel()
	command, name, _ := strings.Cut(block(t, "docs/operating.md", "npm pack"), "\n# ")
	pack := exec.CommandContext(t.Context(), "sh", "-c", command)
	pack.Dir = t.TempDir()
	pack.Env = append(os.Environ(), "npm_config_cache="+pack.Dir+"/cache")
	if output, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	packed, err := os.ReadFile(filepath.Join(pack.Dir, strings.TrimSpace(name)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(packed)
	if pinned := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(read(t, root+"/internal/localpg/releases.txt"), pinned) {
		t.Errorf("the service does not take %s, whose checksum is %s", name, pinned)
	}
}
