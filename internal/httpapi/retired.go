// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// goneError reports an address of the Python service that changed state on a GET,
// which links, previews and search engines must not be able to do.
type goneError struct{ message string }

func (e *goneError) Error() string { return e.message }

// registerRetired answers these addresses with the command that replaces them.
func registerRetired(e *echo.Echo) {
	for _, command := range []string{"client_sharing_activate", "client_sharing_deactivate"} {
		sharing := func(c echo.Context) error {
			client := "UUID"
			if id, err := uuid.Parse(strings.TrimSpace(c.Param("uuid"))); err == nil {
				client = id.String()
			}
			return &goneError{fmt.Sprintf("This can no longer be done over the web. Run on the server: stats-service %s --uuid %s", command, client)}
		}
		e.Any("/admin/"+command+".json", sharing)
		e.Any("/admin/"+command+".json/:uuid", sharing)
	}
	e.Any("/admin/update.json", func(echo.Context) error {
		return &goneError{"This can no longer be done over the web. Install the new version on the server, then run: stats-service db_upgrade"}
	})
}
