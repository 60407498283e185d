// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/listen"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// tryListen tries each address, and the certificate.
func (t *task) tryListen(ctx context.Context) []trial {
	var trials []trial
	for _, address := range t.settings.Listen() {
		trials = append(trials, t.tryAddress(ctx, "address", address, "LISTEN or HOST and PORT"))
	}
	for _, address := range t.settings.MetricsAddresses {
		trials = append(trials, t.tryAddress(ctx, "metrics address", address, "METRICS_LISTEN"))
	}
	if t.settings.TLSCertFile != "" {
		trials = append(trials, t.tryCertificate())
	}
	return trials
}

// tryAddress accepts an address in use if a stats service answers there: operators
// check settings while the service runs with them.
func (t *task) tryAddress(ctx context.Context, what string, address listen.Address, setting string) trial {
	sockets, err := listen.Open([]listen.Address{address})
	switch {
	case err == nil:
		listen.Close(sockets)
		return trial{what, true, address.String() + " is free"}
	case !errors.Is(err, syscall.EADDRINUSE):
		return trial{what, false, err.Error()}
	}
	if err := t.findService(ctx, address); err != nil {
		return trial{what, false, fmt.Sprintf("%s is in use by something that is not a stats service (%v): "+
			"stop it, or choose another address with %s", address, err, setting)}
	}
	return trial{what, true, address.String() + " is in use by a stats service, which is this one if it runs"}
}

// answerWithin bounds the response time of a service on this machine.
const answerWithin = 5 * time.Second

// findService returns an error if what listens on an address is not a stats service. Its
// readiness is answered to every host, without TLS and without a database, too.
func (t *task) findService(ctx context.Context, address listen.Address) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	response, err := get(ctx, t.settings, address, "/readyz")
	if err != nil {
		return errors.New("it does not answer")
	}
	defer response.Body.Close()
	var report health.Report
	const enough = 64 << 10
	err = json.NewDecoder(io.LimitReader(response.Body, enough)).Decode(&report)
	if err != nil || report.Status == "" || report.Process == "" {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}

// tryCertificate reads the files of a certificate. The service would start with one that
// has expired, but its callers would refuse it.
func (t *task) tryCertificate() trial {
	files, err := listen.OpenFiles(t.settings.TLSCertFile, t.settings.TLSKeyFile, t.Now, t.log)
	if err != nil {
		return trial{"certificate", false, err.Error()}
	}
	expires, said := files.Expires(), "is valid until"
	if !t.Now().Before(expires) {
		said = "has expired on"
	}
	return trial{"certificate", t.Now().Before(expires), fmt.Sprintf("%s %s %s", t.settings.TLSCertFile, said, expires.Format(time.DateOnly))}
}

// tryFolder checks that DATA_DIR is writable, if the service needs it.
func (t *task) tryFolder() []trial {
	if _, configured := t.settings.Database(); configured && t.settings.SecretKey != "" {
		return nil
	}
	dir := folder(t.settings)
	if err := canKeepFiles(dir); err != nil {
		return []trial{{"data folder", false, fmt.Sprintf("%s (DATA_DIR): %v", dir, err)}}
	}
	return []trial{{"data folder", true, dir + " can be written"}}
}

// canKeepFiles checks the folder or, if it is missing, the one in which it would be
// created.
func canKeepFiles(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
		return canKeepFiles(filepath.Dir(dir))
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	}
	if err := mayMakeFiles(dir); err != nil {
		return fmt.Errorf("%s cannot be written: %w", dir, err)
	}
	return nil
}

// tryAdmin checks that ADMIN_TOKEN is, or can become, the token of an admin.
func (t *task) tryAdmin(ctx context.Context, store *postgres.Store, clients []stats.Client) []trial {
	if t.settings.AdminToken == "" {
		return nil
	}
	const what = "admin token"
	holder, err := store.ClientByToken(ctx, string(t.settings.AdminToken))
	switch {
	case errors.Is(err, stats.ErrNotFound):
		for _, client := range clients {
			if client.Name == adminName {
				return []trial{{what, false, fmt.Sprintf("client %q has another token than ADMIN_TOKEN: choose its token, or rename it", adminName)}}
			}
		}
		return []trial{{what, true, "the service will create an admin with it"}}
	case err != nil:
		return []trial{{what, false, err.Error()}}
	case holder.Role != stats.RoleAdmin || !holder.IsActive:
		return []trial{{what, false, fmt.Sprintf("it belongs to client %q, which is not an active admin", holder.Name)}}
	}
	return []trial{{what, true, fmt.Sprintf("it belongs to the admin %q", holder.Name)}}
}
