// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/buildinfo"
)

func (p *program) version() *cli.Command {
	return &cli.Command{
		Name:     "version",
		Category: categoryService,
		Usage:    "Show the version.",
		Flags:    []cli.Flag{jsonOption()},
		Action: p.text(func(c *cli.Context) (string, error) {
			if !c.Bool("json") {
				return fmt.Sprintf("%s version %s\n", c.App.Name, c.App.Version), nil
			}
			record, err := json.Marshal(versionRecord{
				Version: buildinfo.Version, Commit: buildinfo.Revision(), Date: buildinfo.Date(),
				Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			})
			return string(record) + "\n", err
		}),
	}
}

// versionRecord is the JSON result of version.
type versionRecord struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}
