// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// member is the state of a node according to Patroni.
type member struct {
	Name     string          `json:"name"`
	Role     string          `json:"role"`
	State    string          `json:"state"`
	Timeline int             `json:"timeline"`
	Lag      json.RawMessage `json:"lag"` // bytes, or "unknown"
}

// members asks the nodes in turn until one answers.
func (c *cluster) members(ctx context.Context) ([]member, error) {
	err := errors.New("no node runs")
	for _, n := range c.nodes {
		var found struct {
			Members []member `json:"members"`
		}
		if n.patroni == nil {
			continue
		}
		if err = ask(ctx, "http://"+address(n.RESTPort)+"/cluster", &found); err == nil {
			return found.Members, nil
		}
	}
	return nil, err
}

func ask(ctx context.Context, url string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second) // a frozen node says nothing
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(answer)
}

// awaitPrimary waits until there is a primary and returns it.
func (c *cluster) awaitPrimary(ctx context.Context) (primary *node, err error) {
	err = c.await(ctx, "a primary", func(all []member) bool {
		for _, m := range all {
			if m.Role == "leader" && m.State == "running" {
				primary = c.node(m.Name)
				return true
			}
		}
		return false
	})
	return primary, err
}

// awaitWhole waits until both standbys stream from the primary without lag, and returns
// the primary and one standby.
func (c *cluster) awaitWhole(ctx context.Context) (roles map[string]*node, err error) {
	err = c.await(ctx, "three nodes in sync", func(all []member) bool {
		roles = map[string]*node{}
		standbys := 0
		for _, m := range all {
			lag := string(m.Lag)
			if m.State != "running" && m.State != "streaming" || m.Timeline != all[0].Timeline || lag != "" && len(lag) > 7 {
				return false
			}
			roles[m.Role] = c.node(m.Name)
			if m.Role == "sync_standby" {
				standbys++
			}
		}
		return roles["leader"] != nil && standbys == len(c.nodes)-1
	})
	return roles, err
}

func (c *cluster) await(ctx context.Context, what string, holds func([]member) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		found, err := c.members(ctx)
		if err == nil && holds(found) {
			return nil
		}
		if pause(ctx, poll) != nil {
			return fmt.Errorf("waited for %s: found %+v, %v", what, found, err)
		}
	}
}

func (c *cluster) node(name string) *node {
	for _, n := range c.nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// switchOver makes another node the primary with patronictl, as an operator does.
func (c *cluster) switchOver(ctx context.Context, from, to *node) error {
	command := exec.CommandContext(ctx, "patronictl", "-c", from.config, "switchover", "--master", from.Name, "--candidate", to.Name, "--force", "stats")
	command.Env = c.env
	said, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "Successfully switched over") {
		return fmt.Errorf("patronictl switchover: %v: %s", err, said)
	}
	return nil
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
