package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// The tokens of the demo are the same each time, so that what its guide
	// shows can be pasted. They open nothing but sample data.
	demoToken      = "demo-token-of-the-first-organisation"
	demoAdminToken = "demo-token-of-the-admin"
	demoSeed       = 2021
	// demoWriters organisations are loaded at the same time.
	demoWriters = 2
)

func (p *program) demo() *cli.Command {
	return &cli.Command{
		Name:     "demo",
		Category: categoryService,
		Usage:    "Serve a year of sample data, which is gone afterwards.",
		Description: "Runs the whole service on a private database in a temporary folder. HOST and PORT choose\n" +
			"where it listens; other settings of the database are not used.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return p.runDemo(ctx, settings)
		}),
	}
}

func (p *program) runDemo(ctx context.Context, settings config.Config) (err error) {
	listener, err := listen(settings)
	if err != nil {
		return err
	}
	defer listener.Close()
	dir, err := os.MkdirTemp("", "stats-service-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the sample data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // started by root, the database runs as another user
		return fmt.Errorf("open the folder of the sample data: %w", err)
	}
	server, err := localpg.Start(ctx, demoDatabase(dir))
	if err != nil {
		return err
	}
	db := &database{url: server.URL(), server: server, own: true}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	box := secret.New(secret.NewToken())
	store, err := openMigrated(ctx, db, postgres.Options{URL: db.url, Secret: box, Now: p.Now})
	if err != nil {
		return err
	}
	defer store.Close()
	fmt.Fprintln(p.Stderr, "Preparing a year of sample data ...")
	organisations, err := p.loadSample(ctx, store, settings)
	if err != nil {
		return fmt.Errorf("load the sample data: %w", err)
	}
	p.printDemo("http://"+listener.Addr().String()+settings.ScriptName, organisations)
	return p.serveOn(ctx, listener, store, settings, db.died())
}

// demoDatabase trades the safety of data that is thrown away for speed.
func demoDatabase(dir string) localpg.Options {
	return localpg.Options{
		Dir:           dir,
		Fetch:         true,
		NoSync:        true,
		DieWithParent: true,
		Settings:      map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"},
	}
}

// loadSample stores a year of statistics of a few organisations as their front
// offices would have sent them.
func (p *program) loadSample(ctx context.Context, store *postgres.Store, settings config.Config) ([]sample.Organisation, error) {
	if _, err := store.EnsureAdmin(ctx, demoAdminToken, adminName); err != nil {
		return nil, err
	}
	generator := sample.New(sample.Options{Seed: demoSeed, Until: stats.Today(p.Now(), settings.Location())})
	organisations := generator.Organisations()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(demoWriters)
	for i, organisation := range organisations {
		group.Go(func() error {
			client, err := store.CreateClient(ctx, demoClient(i, organisation))
			if err != nil {
				return err
			}
			return loadOrganisation(ctx, store, generator, i, client)
		})
	}
	return organisations, group.Wait()
}

func demoClient(i int, organisation sample.Organisation) stats.Client {
	client := stats.Client{
		Name:             organisation.Name,
		Role:             stats.RoleUser,
		Latitude:         &organisation.Latitude,
		Longitude:        &organisation.Longitude,
		Local:            organisation.Local,
		IsSharingEnabled: organisation.Sharing,
		IsActive:         true,
	}
	if i == 0 {
		client.Token = demoToken
	}
	return client
}

func loadOrganisation(ctx context.Context, store *postgres.Store, generator *sample.Generator, i int, client stats.Client) error {
	analyses := len(generator.Organisations()[i].Analyses())
	for _, day := range generator.Dates() {
		var items []postgres.Item
		for analysis := range analyses {
			for _, stat := range generator.Stats(i, analysis, day) {
				observations, err := stats.Observations(stat.Type, stat.Data)
				if err != nil {
					return fmt.Errorf("%s stats of %s: %w", stat.Type, day.Format(time.DateOnly), err)
				}
				items = append(items, postgres.Item{Stat: stat, Observations: observations})
			}
		}
		if _, err := store.InsertStats(ctx, client, items); err != nil {
			return err
		}
	}
	return nil
}

// printDemo says where to look and what to try.
func (p *program) printDemo(base string, organisations []sample.Organisation) {
	fmt.Fprintf(p.Stdout, `
MONARC Stats Service with a year of sample data of %d organisations.

  API, to try out   %[2]s/api/v1/
  Threats           %[2]s/stats/threats.json
  Vulnerabilities   %[2]s/stats/vulnerabilities.json
  Risks             %[2]s/stats/risks.json
  Version           %[2]s/about.json

  API key of %q: %s
  API key of an admin: %s

For example:
  curl -H 'X-API-KEY: %[4]s' %[2]s/api/v1/client/me

Press Ctrl-C to stop. The sample data is gone then.
`, len(organisations), base, organisations[0].Name, demoToken, demoAdminToken)
}
