package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVendoredFiles shows that what was taken from npm is what the build made:
// nobody has edited it, nothing is missing and nothing was added.
func TestVendoredFiles(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"vendored/dist", "testdata/axe"} {
		sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]string{}
		for line := range strings.Lines(string(sums)) {
			sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
			known[name] = sum
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Name() == "SHA256SUMS" {
				continue
			}
			content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			if known[entry.Name()] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s/%s is not what SHA256SUMS lists; make it anew with the task vendor-dashboard", folder, entry.Name())
			}
			delete(known, entry.Name())
		}
		for name := range known {
			t.Errorf("%s/%s is missing", folder, name)
		}
	}
}
