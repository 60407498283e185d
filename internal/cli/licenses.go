// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/licenses"
)

func (p *program) licenses() *cli.Command {
	return &cli.Command{
		Name:     "licenses",
		Category: categoryService,
		Usage:    "Show the licences of all components of the program.",
		Action:   p.text(func(*cli.Context) (string, error) { return licenses.Text, nil }),
	}
}
