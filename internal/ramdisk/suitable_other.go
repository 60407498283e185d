// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package ramdisk

// suitable is always false: only Linux has a RAM disk in a known folder.
func suitable(string) bool { return false }
