// SPDX-License-Identifier: AGPL-3.0-or-later

// Package licenses holds the licences of everything that is linked into the service.
package licenses

import _ "embed"

// Text names each module with its version above the text of its licence. It is made
// by tools/licenses.
//
//go:embed licenses.txt
var Text string
