// SPDX-License-Identifier: AGPL-3.0-or-later

package localpg

import (
	"os/exec"
	"testing"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

func TestServerDiesWithKilledParent(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	holder := startHolder(t, exec.Command(self(t)), dir, holderClose+"=1")
	holder.kill()
	eventually(t, "the end of the server", func() bool {
		return !serves(holder.postmaster, layout{dir: dir}.cluster())
	})
}
