package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/websocket"
)

// Run has a user's own server run one line of shell, in a terminal like the
// one that the user opens in the browser: with the session's view of the file
// system, its limits and its privileges. It returns what the line printed and
// its exit status.
func (c *Client) Run(ctx context.Context, user, line string) (output string, status int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("terminal of %s: %w", user, err)
		}
	}()
	server := URL + "/user/" + url.PathEscape(user)
	req, err := http.NewRequestWithContext(ctx, "POST", server+"/api/terminals", nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := c.send(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	var terminal struct{ Name string }
	if err := json.NewDecoder(resp.Body).Decode(&terminal); err != nil {
		return "", 0, err
	}

	config, err := websocket.NewConfig("wss"+strings.TrimPrefix(server, "https")+"/terminals/websocket/"+terminal.Name, URL)
	if err != nil {
		return "", 0, err
	}
	config.Header.Set("Authorization", "token "+c.token)
	config.TlsConfig = c.http.Transport.(*http.Transport).TLSClientConfig
	conn, err := config.DialContext(ctx)
	if err != nil {
		return "", 0, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()

	// The terminal echoes what is typed: the marks are typed in two parts, so
	// that only their output has them whole.
	typed := fmt.Sprintf(`stty -echo; echo "[""[begin"; ( %s ) 2>&1; echo "[""[end $?]]"`+"\r", line)
	if err := websocket.JSON.Send(conn, []string{"stdin", typed}); err != nil {
		return "", 0, err
	}
	var text strings.Builder
	for {
		var message []any
		if err := websocket.JSON.Receive(conn, &message); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", 0, fmt.Errorf("%w after %q", err, text.String())
		}
		if len(message) == 2 && message[0] == "stdout" {
			part, _ := message[1].(string)
			text.WriteString(part)
		}
		if m := finished.FindStringSubmatch(text.String()); m != nil {
			status, err := strconv.Atoi(m[2])
			return strings.ReplaceAll(m[1], "\r\n", "\n"), status, err
		}
	}
}

var finished = regexp.MustCompile(`(?s)\[\[begin\r?\n(.*?)\[\[end ([0-9]+)\]\]`)
