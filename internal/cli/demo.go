// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"
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
	// The tokens of the demo are always the same, so that the commands of its guide can
	// be pasted. They only give access to sample data.
	demoToken      = "demo-token-of-the-first-organisation"
	demoAdminToken = "demo-token-of-the-admin"
	demoSeed       = 2021
	// demoMinClients is the lowest PUBLIC_MIN_CLIENTS of the demo, so that its pages show
	// disclosure control. As many organisations share each place.
	demoMinClients    = 3
	demoPlaces        = 4
	demoOrganisations = demoMinClients * demoPlaces
	// demoAnalyses is the number of analyses of every organisation but the first, whose
	// number is in the guide.
	demoAnalyses = 2
	// demoWriters bounds the organisations that are loaded at the same time.
	demoWriters = 2
)

// demoNamespace makes the UUIDs of the clients reproducible, and with them those of
// their stats and the order of lists.
var demoNamespace = uuid.MustParse("0b0e1c0e-6f5e-4d0a-9d0c-5a9d3a1c7e52")

func (p *program) demo() *cli.Command {
	return &cli.Command{
		Name:     "demo",
		Category: categoryService,
		Usage:    "Serve a year of sample data, and delete it at the end.",
		Description: "Runs the whole service on a private database in a temporary folder (TMPDIR).\n" +
			"HOST and PORT (127.0.0.1:5000) choose where it listens; the settings of the\n" +
			"database are not used.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return unlessStopped(ctx, p.runDemo(ctx, settings))
		}),
	}
}

func (p *program) runDemo(ctx context.Context, settings config.Config) (err error) {
	settings.LogPath = "" // it leaves nothing behind
	settings.PublicMinClients = max(settings.PublicMinClients, demoMinClients)
	log, _, err := p.commandLogger(settings, p.Stderr)
	if err != nil {
		return err
	}
	front, err := p.newFront(settings, log)
	if err != nil {
		return err
	}
	defer front.close()
	db, remove, err := p.demoDatabase(ctx, settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	box := secret.New(secret.NewToken())
	store, err := openMigrated(ctx, db, postgres.Options{URL: db.url, Secret: box, Now: p.Now, Log: log})
	if err != nil {
		return err
	}
	defer store.Close()
	organisations, err := p.loadSample(ctx, store, settings)
	if err != nil {
		return fmt.Errorf("load the sample data: %w", err)
	}
	p.printDemo(front.urls()[0], organisations)
	return p.serveOn(ctx, front, store, settings, log, db.died())
}

// demoDatabase starts a database in a temporary folder; remove stops it and deletes the
// folder.
func (p *program) demoDatabase(ctx context.Context, settings config.Config, log *slog.Logger) (db *database, remove func() error, err error) {
	fmt.Fprintln(p.Stderr, "Preparing a private PostgreSQL with a year of sample data ...")
	dir, err := demoFolder()
	if err != nil {
		return nil, nil, err
	}
	server, err := localpg.Start(ctx, p.demoOptions(dir, settings, log))
	if blocked, ok := errors.AsType[*localpg.UnreachableError](err); ok {
		err = fmt.Errorf("PostgreSQL does not run as root, and %s is closed to the user %s that it runs as instead: "+
			"set TMPDIR to a folder that is open to other users, such as /tmp", blocked.Folder, blocked.User)
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	db = &database{url: server.URL(), server: server, own: true}
	return db, func() error { return errors.Join(db.close(ctx), stopping(os.RemoveAll(dir))) }, nil
}

// demoFolder creates a folder that other users can traverse: started by root, the
// database runs as another user.
func demoFolder() (string, error) {
	dir, err := os.MkdirTemp("", "stats-service-demo-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the sample data (TMPDIR chooses where): %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", errors.Join(fmt.Errorf("open the folder of the sample data to other users: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// demoOptions trade durability for speed: the data is thrown away.
func (p *program) demoOptions(dir string, settings config.Config, log *slog.Logger) localpg.Options {
	return localpg.Options{
		Dir:           dir,
		Log:           log,
		Mirror:        settings.PostgresMirror,
		Progress:      p.fetchProgress,
		NoSync:        true,
		DieWithParent: true,
		Settings:      map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"},
	}
}

// loadSample stores a year of stats of a few organisations as their front offices would
// have sent them.
func (p *program) loadSample(ctx context.Context, store *postgres.Store, settings config.Config) ([]sample.Organisation, error) {
	if _, err := store.EnsureAdmin(ctx, demoAdminToken, adminName); err != nil {
		return nil, err
	}
	generator := sample.New(sample.Options{Seed: demoSeed, Clients: demoOrganisations, Until: stats.Today(p.Now(), settings.Location())})
	organisations := generator.Organisations()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(demoWriters)
	for i, organisation := range organisations {
		group.Go(func() error {
			at := organisations[i%demoPlaces]
			organisation.Latitude, organisation.Longitude, organisation.Local = at.Latitude, at.Longitude, at.Local
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
		UUID:             uuid.NewSHA1(demoNamespace, []byte(organisation.Name)),
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
	if i > 0 {
		analyses = min(analyses, demoAnalyses)
	}
	for _, day := range generator.Dates() {
		var batch stats.Batch
		for analysis := range analyses {
			for _, stat := range generator.Stats(i, analysis, day) {
				item, err := stats.ItemOf(stat)
				if err != nil {
					return fmt.Errorf("%s stats of %s: %w", stat.Type, day.Format(time.DateOnly), err)
				}
				batch.Items = append(batch.Items, item)
			}
		}
		if _, err := store.InsertBatch(ctx, client, batch); err != nil {
			return err
		}
	}
	return nil
}

// printDemo prints the addresses and commands to try.
func (p *program) printDemo(base string, organisations []sample.Organisation) {
	fmt.Fprintf(p.Stdout, `
MONARC Stats Service with a year of sample data of %d organisations.

  Dashboard         %[2]s/stats
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
