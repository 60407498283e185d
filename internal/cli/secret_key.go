// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// keyFile in DATA_DIR holds the generated secret key if none is configured.
const keyFile = "secret.key"

// secretKey returns the configured key or the one in DATA_DIR. If there is neither, it
// generates and stores one if it may. Otherwise it returns a random key with isKept
// false, which opens no token and must not seal any.
func secretKey(settings config.Config, mayCreate bool) (key string, isKept bool, err error) {
	if settings.SecretKey != "" {
		return string(settings.SecretKey), true, nil
	}
	if _, err := os.Stat(filepath.Join(settings.DataDir, keyFile)); errors.Is(err, fs.ErrNotExist) && !mayCreate {
		return secret.NewToken(), false, nil
	}
	key, err = keptKey(settings.DataDir)
	if err != nil {
		return "", false, fmt.Errorf("no SECRET_KEY is set and none could be kept in DATA_DIR: %w", err)
	}
	return key, true, nil
}

// secretBox returns a box that seals tokens with the secretKey.
func secretBox(settings config.Config, mayCreate bool) (box *secret.Box, isKept bool, err error) {
	key, isKept, err := secretKey(settings, mayCreate)
	if err != nil {
		return nil, false, err
	}
	return secret.New(key), isKept, nil
}

// keptKey returns the key in the folder, and creates both if they are missing. The mode
// of the folder is the one that a private database in it needs.
func keptKey(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	return secret.LoadOrCreateKey(filepath.Join(dir, keyFile))
}

// openWithNewKey creates the key for a database without clients. It refuses one with
// clients: their tokens are sealed with a key that is missing here. If the clients cannot
// be read, it leaves the error to the command.
func (p *program) openWithNewKey(ctx context.Context, store *postgres.Store, settings config.Config, options postgres.Options) (*postgres.Store, error) {
	clients, err := store.Clients(ctx)
	if err != nil {
		return store, nil
	}
	store.Close()
	if len(clients) > 0 {
		return nil, &settingsError{fmt.Sprintf("the secret key that seals the tokens of this database is missing: "+
			"SECRET_KEY is not set, and %s does not exist; run this with the SECRET_KEY or the DATA_DIR of the service",
			filepath.Join(folder(settings), keyFile))}
	}
	if options.Secret, _, err = secretBox(settings, true); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, options)
}

var errWeakKey = &settingsError{fmt.Sprintf("SECRET_KEY has fewer than %d characters, too few for a new instance; "+
	"`openssl rand -hex 32` makes a good one", config.MinKeyLength)}

// checkKey refuses a short SECRET_KEY, unless it opens the token of a client or the
// database was taken over from the Python service, which has no such rule. If the clients
// cannot be read, it leaves the error to the caller.
func checkKey(ctx context.Context, store *postgres.Store, settings config.Config, log *slog.Logger) error {
	if !settings.IsWeakKey() {
		return nil
	}
	clients, err := store.ListClients(ctx)
	if err != nil && !errors.Is(err, secret.ErrCannotOpen) {
		return nil
	}
	adopted, err := store.Adopted(ctx)
	if err != nil {
		return nil
	}
	if adopted || slices.ContainsFunc(clients, func(client stats.Client) bool { return client.Token != "" }) {
		warnOfWeakKey(settings, log)
		return nil
	}
	return errWeakKey
}

// warnOfWeakKey logs that SECRET_KEY is too short for a new instance, if it is.
func warnOfWeakKey(settings config.Config, log *slog.Logger) {
	if settings.IsWeakKey() {
		log.Warn("SECRET_KEY is shorter than a new instance may have it", "minimum", config.MinKeyLength)
	}
}
