// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"net"
	"time"
)

// unackedTimeout bounds how long sent data may stay unacknowledged. The defaults of
// operating systems are a quarter of an hour and more.
const unackedTimeout = 20 * time.Second

// dialer returns a dialer whose connections fail when the other side is silently gone,
// whether or not data was sent.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3},
		Control:         limitUnacked,
	}
}
