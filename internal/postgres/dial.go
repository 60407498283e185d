// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"net"
	"time"
)

// unackedTimeout is how long a server may leave what it was sent unacknowledged. The
// defaults of systems are a quarter of an hour and more.
const unackedTimeout = 20 * time.Second

// dialer makes connections that end when the other side has silently gone, whether
// something was sent or not.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3},
		Control:         limitUnacked,
	}
}
