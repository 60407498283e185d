// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/health"
)

// healthcheckTimeout is longer than the service's own timeout for its database.
const healthcheckTimeout = 5 * time.Second

func (p *program) healthcheck() *cli.Command {
	return &cli.Command{
		Name:     "healthcheck",
		Category: categoryService,
		Usage:    "Check that the configured service is running.",
		Description: "For containers and scripts: exits with 0 if the service answers, with 1 if not. The\n" +
			"request goes to the first address of LISTEN, or to HOST and PORT.",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "ready", Usage: "Check that it is ready, including its database."}},
		Action: p.action(func(ctx context.Context, c *cli.Context, settings config.Config) error {
			path := "/healthz"
			if c.Bool("ready") {
				path = "/readyz"
			}
			return p.checkHealth(ctx, settings, path)
		}),
	}
}

func (p *program) checkHealth(ctx context.Context, settings config.Config, path string) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	address := settings.Listen()[0]
	response, err := get(ctx, settings, address, path)
	if err != nil {
		return fmt.Errorf("the service does not answer on %s: %w", address, err)
	}
	defer response.Body.Close()
	var report health.Report
	const enough = 64 << 10
	if err := json.NewDecoder(io.LimitReader(response.Body, enough)).Decode(&report); err != nil || report.Status == "" {
		return fmt.Errorf("the server on %s is not a stats service: it answers %s", address, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(report.Message)
	}
	_, err = fmt.Fprintln(p.Stdout, report.Status)
	return err
}
