// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build examples

package client_test

import (
	"os/exec"
	"testing"
)

// TestPHP runs the example in PHP with its curl extension.
func TestPHP(t *testing.T) {
	t.Parallel()
	if output, err := exec.Command("php", "-r", "exit(extension_loaded('curl') ? 0 : 1);").CombinedOutput(); err != nil {
		t.Fatalf("PHP with curl is needed: apt-get install php-cli php-curl (%v)\n%s", err, output)
	}
	runExample(t, "php", root+"/docs/examples/php/stats.php")
}

// TestPythonExample runs the example in Python with its standard library.
func TestPythonExample(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Fatalf("Python is needed: apt-get install python3 (%v)", err)
	}
	runExample(t, "python3", root+"/docs/examples/python/stats.py")
}
