// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build citus

package pgtest

func init() { OnCluster = true }
