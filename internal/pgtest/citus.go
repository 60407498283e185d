//go:build citus

package pgtest

func init() { onCluster = true }
