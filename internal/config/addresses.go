// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/monarc-project/stats-service/internal/listen"
)

// addresses is a comma-separated list of addresses to listen on.
var addresses = kind[[]listen.Address]{
	accepts: "addresses with commas between them, such as 127.0.0.1:5000, [::1]:5000 or unix:/run/stats-service/http.sock",
	parse: func(text string) ([]listen.Address, bool) {
		var parsed []listen.Address
		for part := range strings.SplitSeq(text, ",") {
			address, ok := listen.ParseAddress(strings.TrimSpace(part))
			if !ok {
				return nil, false
			}
			parsed = append(parsed, address)
		}
		return parsed, true
	},
	format: join[listen.Address],
}

// domains is a comma-separated list of host names.
var domains = kind[[]string]{
	accepts: "host names with commas between them, such as stats.example.org",
	parse: func(text string) ([]string, bool) {
		var names []string
		for part := range strings.SplitSeq(text, ",") {
			part = strings.ToLower(strings.TrimSpace(part))
			if _, err := netip.ParseAddr(part); err == nil || !hostName.MatchString(part) {
				return nil, false
			}
			names = append(names, part)
		}
		return names, true
	},
	format: func(names []string) string { return strings.Join(names, ",") },
}

// trustedHosts is a comma-separated list of host names and addresses; a leading dot
// includes all subdomains.
var trustedHosts = kind[[]string]{
	accepts: "host names or addresses with commas between them, without ports, such as stats.example.org or .example.org",
	parse: func(text string) ([]string, bool) {
		var hosts []string
		for part := range strings.SplitSeq(text, ",") {
			part = strings.ToLower(strings.TrimSpace(part))
			_, err := netip.ParseAddr(part)
			if err != nil && !hostName.MatchString(strings.TrimPrefix(part, ".")) {
				return nil, false
			}
			hosts = append(hosts, part)
		}
		return hosts, true
	},
	format: func(hosts []string) string { return strings.Join(hosts, ",") },
}

// networks is a comma-separated list of addresses and networks.
var networks = kind[[]netip.Prefix]{
	accepts: "addresses and networks with commas between them, such as 127.0.0.1, 10.0.0.0/8 or ::1",
	parse: func(text string) ([]netip.Prefix, bool) {
		var parsed []netip.Prefix
		for part := range strings.SplitSeq(text, ",") {
			part = strings.TrimSpace(part)
			network, err := netip.ParsePrefix(part)
			if address, notAddress := netip.ParseAddr(part); notAddress == nil {
				network, err = address.Prefix(address.BitLen())
			}
			if err != nil {
				return nil, false
			}
			parsed = append(parsed, network.Masked())
		}
		return parsed, true
	},
	format: join[netip.Prefix],
}

// join returns values separated by commas.
func join[T fmt.Stringer](values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = value.String()
	}
	return strings.Join(texts, ",")
}
