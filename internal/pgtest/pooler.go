//go:build pooler

package pgtest

func init() { behindPooler = true }
