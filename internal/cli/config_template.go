// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
)

func (p *program) configTemplate() *cli.Command {
	return &cli.Command{
		Name:     "config_template",
		Category: categoryService,
		Usage:    "Print a settings file with every setting, commented.",
		Description: "For an installed service: it listens on port 5005 and keeps its data in\n" +
			"/var/lib/stats-service. What is left to its default is commented out.",
		Action: p.text(func(*cli.Context) (string, error) { return config.Template(), nil }),
	}
}
