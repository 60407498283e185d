// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbAdopt() *cli.Command {
	return &cli.Command{
		Name:     "db_adopt",
		Category: categoryDatabase,
		Usage:    "Take over the database of a Python stats service.",
		Description: "Takes over, in place, the database of a Python stats service v0.3.0 to v0.5.3:\n" +
			"every client with its token, every stat with its uuid. From the start, PostgreSQL\n" +
			"refuses writes of the Python service, which can read until the end. After an\n" +
			"interruption, the command continues where it stopped. See docs/migrating.md.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "Change nothing, only report what would be done and what is unusual."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.withDatabase(ctx, toWork, t.adoptAndReport(ctx))
		}),
	}
}

func (t *task) adoptAndReport(ctx context.Context) func(db *database) error {
	return func(db *database) error {
		run := t.adopt
		if t.options.Bool("dry-run") {
			run = t.surveyAdoption
		}
		record, err := run(ctx, db)
		if errors.Is(err, postgres.ErrNothingToAdopt) {
			nothing := adoptionRecordOf(postgres.Adoption{ByType: map[string]int64{}})
			nothing.DryRun = t.options.Bool("dry-run")
			return t.printLine(nothing, "The database is this service's own: there is nothing to take over.")
		}
		if err != nil {
			return err
		}
		warnOfWeakKey(t.settings, t.log)
		return t.print(record, record.write)
	}
}

// adoptIfNeeded takes the database over if it is one of the Python service; otherwise it
// returns nil.
func (t *task) adoptIfNeeded(ctx context.Context, db *database) (*adoptionRecord, error) {
	needed, err := postgres.NeedsAdoption(ctx, db.url)
	if err != nil || !needed {
		return nil, err
	}
	record, err := t.adopt(ctx, db)
	if errors.Is(err, postgres.ErrNothingToAdopt) { // another process was faster
		return nil, nil
	}
	return &record, err
}

var errAdoptionInterrupted = errors.New("interrupted: the Python service cannot write until the command is run again to its end, " +
	"or DROP SCHEMA statsservice_adoption CASCADE gives the database back to it")

// adopt seals the tokens with the key of the service, and creates one if there is none.
func (t *task) adopt(ctx context.Context, db *database) (adoptionRecord, error) {
	box, _, err := secretBox(t.settings, true)
	if err != nil {
		return adoptionRecord{}, err
	}
	options := t.adoptionOptions(db)
	options.Secret = box
	show, end := t.terminal.progress(ctx, "Taking over")
	started, copied := t.Now(), int64(0)
	found, err := postgres.Adopt(ctx, options, func(done, total int64) {
		copied = done
		show(done, total)
	})
	end()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return adoptionRecord{}, &partialError{errAdoptionInterrupted}
	}
	if err != nil {
		return adoptionRecord{}, ended(ctx, copied, err)
	}
	record := adoptionRecordOf(found)
	record.Seconds = seconds(t.Now().Sub(started))
	if t.settings.SecretKey == "" {
		record.Key = filepath.Join(folder(t.settings), keyFile)
	}
	t.log.Info("the database of a Python stats service was taken over", "clients", record.Clients, "stats", record.Stats,
		"documents", record.Documents, "bytes before", record.BytesBefore, "bytes after", record.BytesAfter, "seconds", record.Seconds)
	return record, nil
}

func (t *task) adoptionOptions(db *database) postgres.Options {
	return postgres.Options{
		URL: db.url, ListenURL: string(t.settings.DatabaseListenURL), Now: t.Now, Log: logging.Named(t.log, logging.Database),
	}
}

func (t *task) surveyAdoption(ctx context.Context, db *database) (adoptionRecord, error) {
	show, end := t.terminal.progress(ctx, "Reading")
	started := t.Now()
	found, err := postgres.SurveyAdoption(ctx, t.adoptionOptions(db), show)
	end()
	if err != nil {
		return adoptionRecord{}, err
	}
	record := adoptionRecordOf(found)
	record.Seconds, record.DryRun = seconds(t.Now().Sub(started)), true
	return record, nil
}

// adoptionRecord is the JSON result of db_adopt.
type adoptionRecord struct {
	Clients        int64            `json:"clients"`
	Stats          int64            `json:"stats"`
	Types          map[string]int64 `json:"types"`
	Documents      int64            `json:"documents"`
	WithoutToken   []string         `json:"clients_without_token"`
	WithoutName    []string         `json:"clients_without_name"`
	SameName       []string         `json:"names_that_look_the_same"`
	OtherRole      []string         `json:"clients_of_unknown_role"`
	NoClient       int64            `json:"stats_without_client"`
	SameDay        int64            `json:"stats_of_the_same_day"`
	DroppedObjects []string         `json:"dropped_with_the_old_tables"`
	LeftOut        []leftOutRecord  `json:"left_out"`
	BytesBefore    int64            `json:"bytes_before"`
	BytesAfter     int64            `json:"bytes_after,omitempty"`
	Key            string           `json:"secret_key_file,omitempty"`
	Seconds        float64          `json:"seconds"`
	DryRun         bool             `json:"dry_run"`
}

// leftOutRecord counts stats that are left out of results.
type leftOutRecord struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Stats  int64  `json:"stats"`
}

func adoptionRecordOf(found postgres.Adoption) adoptionRecord {
	list := func(texts []string) []string { return append([]string{}, texts...) }
	record := adoptionRecord{
		Clients: found.Clients, Stats: found.Stats, Types: found.ByType, Documents: found.Documents,
		WithoutToken: list(found.WithoutToken), WithoutName: list(found.WithoutName), SameName: list(found.SameName),
		OtherRole: list(found.OtherRole), NoClient: found.NoClient, SameDay: found.SameDay, DroppedObjects: list(found.DroppedObjects), LeftOut: []leftOutRecord{},
		BytesBefore: found.BytesBefore, BytesAfter: found.BytesAfter,
	}
	for _, left := range found.LeftOut {
		record.LeftOut = append(record.LeftOut, leftOutRecord(left))
	}
	return record
}

// shownReasons bounds the reasons in the text; JSON has all.
const shownReasons = 20

func (r adoptionRecord) write(w io.Writer) {
	done := "Taken over"
	if r.DryRun {
		done = "Dry run, to be taken over"
	}
	var types []string
	for _, t := range slices.Sorted(maps.Keys(r.Types)) {
		types = append(types, fmt.Sprintf("%s: %d", t, r.Types[t]))
	}
	fmt.Fprintf(w, "%s: clients: %d, stats: %d (%s), documents: %d, seconds: %g\n",
		done, r.Clients, r.Stats, strings.Join(types, ", "), r.Documents, r.Seconds)
	if r.BytesAfter > 0 {
		fmt.Fprintf(w, "Bytes: %d before, %d after\n", r.BytesBefore, r.BytesAfter)
	} else {
		fmt.Fprintf(w, "Bytes: %d now; as much again may be needed meanwhile\n", r.BytesBefore)
	}
	r.writeOddities(w)
	if r.Key != "" {
		fmt.Fprintf(w, "The tokens are sealed with the key in %s: keep it, and run the service with this DATA_DIR\n", r.Key)
	}
}

func (r adoptionRecord) writeOddities(w io.Writer) {
	for _, odd := range []struct {
		what  string
		which []string
	}{
		{"Clients without a token, which cannot log in", r.WithoutToken},
		{"Clients without a name", r.WithoutName},
		{"Clients of an unknown role, who are users", r.OtherRole},
		{"Clients whose name looks like another's", r.SameName},
		{"Dropped with the old tables; create them again if you still need them", r.DroppedObjects},
	} {
		if len(odd.which) > 0 {
			fmt.Fprintf(w, "%s: %s\n", odd.what, strings.Join(odd.which, ", "))
		}
	}
	if r.NoClient > 0 {
		fmt.Fprintf(w, "Stats without a client, which count and only admins see: %d\n", r.NoClient)
	}
	if r.SameDay > 0 {
		fmt.Fprintf(w, "Stats beyond the first of a client, analysis, type and day, which all count (see stats_remove_duplicate): %d\n", r.SameDay)
	}
	for i, left := range r.LeftOut {
		if i == shownReasons {
			fmt.Fprintf(w, "Left out of results for %d other reasons (--json names them)\n", len(r.LeftOut)-i)
			break
		}
		fmt.Fprintf(w, "Kept and returned, but left out of results: %d stats of type %s (%s)\n", left.Stats, left.Type, left.Reason)
	}
}
