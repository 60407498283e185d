// SPDX-License-Identifier: AGPL-3.0-or-later

package service

import (
	"os"
	"testing"
)

func TestParseStatus(t *testing.T) {
	t.Parallel()
	now, peak, err := parseStatus("Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t   64 kB\nVmRSS:\t   40 kB\n")
	if err != nil || now != 40<<10 || peak != 64<<10 {
		t.Errorf("%d bytes now, %d at most, error %v; want 40 and 64 KiB", now, peak, err)
	}
	for _, text := range []string{"", "VmRSS: 40 kB\n", "VmRSS: many kB\nVmHWM: 1 kB\n"} {
		if _, _, err := parseStatus(text); err == nil {
			t.Errorf("%q is understood", text)
		}
	}
}

func TestMemoryOfAProcess(t *testing.T) {
	t.Parallel()
	if now, peak, err := Memory(os.Getpid()); err != nil || now < 1<<20 || peak < now {
		t.Errorf("this process has %d bytes, %d at most, error %v", now, peak, err)
	}
}
