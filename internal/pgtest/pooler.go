// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build pooler

package pgtest

func init() { BehindPooler = true }
