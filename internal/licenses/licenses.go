// SPDX-License-Identifier: AGPL-3.0-or-later

// Package licenses holds the licences of everything that is linked into the service.
package licenses

import _ "embed"

// Text has the licences, each below the names and versions of its modules. tools/licenses
// generates it.
//
//go:embed licenses.txt
var Text string
