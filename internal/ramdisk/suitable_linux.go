// SPDX-License-Identifier: AGPL-3.0-or-later

package ramdisk

import "syscall"

// Constants of statfs(2) that package syscall lacks.
const (
	tmpfsMagic = 0x01021994
	noExec     = 0x8
)

// suitable reports whether a folder is in memory, has enough free space, and allows running
// programs, which some tests build.
func suitable(dir string) bool {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return false
	}
	free := fs.Bavail * uint64(fs.Bsize)
	return int64(fs.Type) == tmpfsMagic && fs.Flags&noExec == 0 && free >= minFree &&
		syscall.Access(dir, 0x2) == nil // W_OK
}
