// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"context"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/monarc-project/stats-service/internal/audit"
)

// asOperator returns a context with the actor for the audit log: the user who runs the
// command, and the one who became that user with sudo.
func (p *program) asOperator(ctx context.Context) context.Context {
	name := strconv.Itoa(os.Getuid())
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	for _, variable := range p.Environ {
		if before, found := strings.CutPrefix(variable, "SUDO_USER="); found && before != "" {
			name = before + " as " + name
		}
	}
	return audit.WithActor(ctx, audit.Actor{Name: audit.Operator(name), Origin: machine()})
}

// asService returns a context with the service itself as the actor.
func asService(ctx context.Context) context.Context {
	return audit.WithActor(ctx, audit.Actor{Name: audit.Service, Origin: machine()})
}

// machine returns the host name.
func machine() string {
	name, _ := os.Hostname() // empty if there is none
	return cmp.Or(name, "this machine")
}
