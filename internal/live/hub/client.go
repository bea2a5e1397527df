package hub

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Client drives the hub's REST API through nginx, with the certificate
// verified, by the token of a service that may do so.
type Client struct {
	token string
	http  http.Client
}

// Dial returns a client of the live host's hub and waits until that answers,
// which takes it a while after the boot.
func Dial(ctx context.Context) (*Client, error) {
	token, err := os.ReadFile(TokenFile)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s: no certificate", CAFile)
	}
	c := &Client{token: strings.TrimSpace(string(token))}
	c.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	for {
		// Until the hub answers, the connection is refused, or nginx and the
		// proxy answer in its place with 502, 503 or 404.
		err := c.call(ctx, "GET", "/", nil, nil)
		if err == nil {
			return c, nil
		}
		if refused := (refusal{}); errors.As(err, &refused) && refused.status == http.StatusForbidden {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the hub: %w (last: %w)", context.Cause(ctx), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Close closes the client's idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Server is a user's server as the hub knows it.
type Server struct {
	Name    string          `json:"name"`    // empty for the default server
	Ready   bool            `json:"ready"`   // it answers
	Pending string          `json:"pending"` // "spawn" or "stop" while one of these is under way
	URL     string          `json:"url"`     // path under [URL]
	State   json.RawMessage `json:"state"`   // what the spawner keeps, such as its unit's name
}

// Server returns a user's default server, and ok false if there is none.
func (c *Client) Server(ctx context.Context, user string) (s Server, ok bool, err error) {
	var model struct{ Servers map[string]Server }
	err = c.call(ctx, "GET", userPath(user), nil, &model)
	s, ok = model.Servers[""]
	return s, ok, err
}

// Start spawns a user's default server and returns when it answers. The
// options are the spawner's user options, or nil.
func (c *Client) Start(ctx context.Context, user string, options map[string]any) error {
	var body any // a nil map would be sent as null
	if options != nil {
		body = options
	}
	if err := c.call(ctx, "POST", userPath(user)+"/server", body, nil); err != nil {
		return err
	}
	return c.progress(ctx, user)
}

// Stop stops a user's default server and returns when it is gone. Stopping
// one that does not run is no error.
func (c *Client) Stop(ctx context.Context, user string) error {
	if err := c.call(ctx, "DELETE", userPath(user)+"/server", nil, nil); err != nil {
		return err
	}
	// The hub answers at the latest after ten seconds, and has no event for
	// the end of a slower stop.
	for {
		_, running, err := c.Server(ctx, user)
		if err != nil || !running {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the server of %s: %w", user, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// progress follows a spawn to its end.
func (c *Client) progress(ctx context.Context, user string) error {
	resp, err := c.do(ctx, "GET", userPath(user)+"/server/progress", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	last := ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		var event struct {
			Ready, Failed bool
			Message       string
		}
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			return fmt.Errorf("progress of %s: %w", user, err)
		}
		if event.Ready {
			return nil
		}
		if last = event.Message; event.Failed {
			return fmt.Errorf("spawn for %s: %s", user, last)
		}
	}
	return fmt.Errorf("spawn for %s: the hub stopped telling: %q", user, last)
}

// Get reads a page that the user's own server serves, such as "api/status".
func (c *Client) Get(ctx context.Context, user, page string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", URL+"/user/"+url.PathEscape(user)+"/"+page, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func userPath(user string) string { return "/users/" + url.PathEscape(user) }

// call makes one call of the API; in and out are JSON bodies, or nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, URL+"/hub/api"+path, body)
	if err != nil {
		return nil, err
	}
	return c.send(req)
}

// send adds the token, and makes an answer that is not a success an error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "token "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return nil, errors.Join(fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, refusal{resp.StatusCode, string(text)}), err)
}

// refusal is an answer that is not a success.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.status, http.StatusText(r.status), r.text)
}
