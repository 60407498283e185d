//go:build citus

package pgtest

func init() { OnCluster = true }
