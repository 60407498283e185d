// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// machine describes the hardware and software that the figures depend on.
type machine struct {
	processor, system, loadBefore string
	goVersion, postgres           string
	psql                          string // path; "" if it is not installed
	started                       time.Time
}

func (b *bench) describe(ctx context.Context) (machine, error) {
	m := machine{
		processor: processorName(), system: runtime.GOOS + "/" + runtime.GOARCH, loadBefore: load1(),
		goVersion: runtime.Version(), started: time.Now(),
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-") // without the name of a build
		m.system += " " + version
	}
	m.psql, _ = exec.LookPath("psql") // without it, COPY is read by this program
	return m, b.query(ctx, b.db.URL(), func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT current_setting('server_version')").Scan(&m.postgres)
	})
}

func processorName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// load1 returns the load average of the last minute, if the system has one.
func load1() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
