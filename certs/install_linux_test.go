package certs_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/internal/testenv"
)

// twoPairs are two pairs of one CA with a key each.
func twoPairs(t testing.TB) (a, b *certs.Pair) {
	t.Helper()
	first, err := certs.Generate(certs.Request{Names: []string{"hub.test"}})
	require.NoError(t, err)
	second, err := certs.Generate(certs.Request{Names: []string{"hub.test"}, CA: first.CA})
	require.NoError(t, err)
	return first.Host, second.Host
}

// at returns a target in a new directory whose pair is p, if not nil.
func at(t testing.TB, p *certs.Pair) certs.Target {
	t.Helper()
	target := certs.Target{Dir: filepath.Join(t.TempDir(), "certs")}
	if p != nil {
		_, err := target.Install(t.Context(), p, certs.Options{})
		require.NoError(t, err)
	}
	return target
}

// tree lists a directory and what is beside it: paths, modes and contents.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	parent := filepath.Dir(dir)
	err := filepath.WalkDir(parent, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(parent, path)
		info, err := d.Info()
		if err != nil || rel == "." {
			return err
		}
		var data []byte
		if d.Type().IsRegular() {
			data, err = os.ReadFile(path)
		}
		m[rel] = info.Mode().String() + " " + string(data)
		return err
	})
	require.NoError(t, err)
	return m
}

func fingerprint(t testing.TB, target certs.Target) string {
	t.Helper()
	p, err := target.Load()
	require.NoError(t, err)
	require.NoError(t, p.Verify(certs.Policy{}).Err())
	return p.Fingerprint()
}

var methods = []certs.Method{certs.MethodExchange, certs.MethodRename}

func TestInstall(t *testing.T) {
	a, b := twoPairs(t)
	for _, method := range methods {
		t.Run(string(method), func(t *testing.T) {
			target := certs.Target{Dir: filepath.Join(t.TempDir(), "certs")}
			opt := certs.Options{Method: method}

			first, err := target.Install(t.Context(), a, opt)
			require.NoError(t, err)
			assert.True(t, first.Changed)
			assert.Equal(t, method, first.Method)
			assert.Empty(t, first.Backup)
			assert.True(t, first.Report.Has(certs.CodePrivateCA))
			assert.Equal(t, a.Fingerprint(), fingerprint(t, target))
			for name, mode := range map[string]fs.FileMode{"": fs.ModeDir | 0o755, "cert.pem": 0o644, "cert.key": 0o600} {
				info, err := os.Lstat(filepath.Join(target.Dir, name))
				require.NoError(t, err)
				assert.Equal(t, mode, info.Mode(), name)
			}

			again, err := target.Install(t.Context(), a, opt)
			require.NoError(t, err)
			assert.False(t, again.Changed)

			require.NoError(t, os.WriteFile(target.Dir+"/dhparam.pem", []byte("kept"), 0o640))
			require.NoError(t, os.Chmod(target.Dir, 0o750))
			require.NoError(t, os.Chmod(target.Dir+"/cert.key", 0o640))
			before, err := os.Stat(target.Dir + "/dhparam.pem")
			require.NoError(t, err)
			second, err := target.Install(t.Context(), b, opt)
			require.NoError(t, err)
			assert.True(t, second.Changed)
			assert.Equal(t, b.Fingerprint(), fingerprint(t, target))
			after, err := os.Stat(target.Dir + "/dhparam.pem")
			require.NoError(t, err)
			assert.True(t, os.SameFile(before, after), "another file was replaced")
			for name, mode := range map[string]fs.FileMode{"": fs.ModeDir | 0o750, "cert.pem": 0o644, "cert.key": 0o640} {
				info, err := os.Lstat(filepath.Join(target.Dir, name))
				require.NoError(t, err)
				assert.Equal(t, mode, info.Mode(), name)
			}

			backups, err := target.Backups()
			require.NoError(t, err)
			require.Len(t, backups, 1)
			assert.Equal(t, second.Backup, backups[0].ID)
			assert.Equal(t, a.Fingerprint(), backups[0].Pair.Fingerprint())
			assert.WithinDuration(t, time.Now(), backups[0].Time, time.Minute)

			back, err := target.Rollback(t.Context(), "", opt)
			require.NoError(t, err)
			assert.Equal(t, a.Fingerprint(), fingerprint(t, target))
			_, err = target.Rollback(t.Context(), back.Backup, opt)
			require.NoError(t, err)
			assert.Equal(t, b.Fingerprint(), fingerprint(t, target))

			// Nothing is left but the pair, the backups and the lock.
			var names []string
			for path := range tree(t, target.Dir) {
				if !strings.HasPrefix(path, "certs.backup/") {
					names = append(names, path)
				}
			}
			assert.ElementsMatch(t, []string{"certs", "certs/cert.pem", "certs/cert.key", "certs/dhparam.pem", "certs.backup", ".certs.lock"}, names)
		})
	}
}

func TestInstallKeepsInodesAndTimesApart(t *testing.T) {
	// nginx since 1.27.2 takes a file for unchanged if the inode number and
	// the second of the modification are.
	a, b := twoPairs(t)
	for _, method := range methods {
		target := at(t, a)
		stat := func() (ino [2]uint64) {
			for i, name := range []string{"/cert.pem", "/cert.key"} {
				info, err := os.Stat(target.Dir + name)
				require.NoError(t, err)
				assert.WithinDuration(t, time.Now(), info.ModTime(), time.Minute)
				ino[i] = info.Sys().(*syscall.Stat_t).Ino
			}
			return ino
		}
		seen := map[uint64]bool{}
		for i := range 5 {
			for _, ino := range stat() {
				assert.False(t, seen[ino], "%s: inode number used again", method)
				seen[ino] = true
			}
			_, err := target.Install(t.Context(), []*certs.Pair{b, a}[i%2], certs.Options{Method: method})
			require.NoError(t, err)
		}
	}
}

func TestBackupsAreLimited(t *testing.T) {
	a, b := twoPairs(t)
	target := at(t, a)
	for i := range 8 {
		_, err := target.Install(t.Context(), []*certs.Pair{b, a}[i%2], certs.Options{Keep: map[bool]int{true: 0, false: 2}[i < 7]})
		require.NoError(t, err)
		list, err := target.Backups()
		require.NoError(t, err)
		assert.Len(t, list, map[bool]int{true: min(i+1, 5), false: 2}[i < 7])
	}
}

func TestRefusedPairWritesNothing(t *testing.T) {
	a, b := twoPairs(t)
	aKey, err := a.KeyPEM()
	require.NoError(t, err)
	pki := newPKI(t)
	expired := issue(t, pki.root, newEC(t), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	for name, tt := range map[string]struct {
		pair   *certs.Pair
		policy certs.Policy
		code   certs.Code
	}{
		"key of another pair": {certs.Parse(b.CertPEM(), aKey), certs.Policy{}, certs.CodeKeyMismatch},
		"key of another type": {certs.Parse(b.CertPEM(), pki.leaf.pkcs8(t)), certs.Policy{}, certs.CodeKeyTypeMismatch},
		"another host":        {b, certs.Policy{Names: []string{"other.test"}}, certs.CodeHostnameMismatch},
		"private":             {b, certs.Policy{Production: true}, certs.CodePrivateCA},
		"expired":             {certs.Parse(expired.pem(), expired.pkcs8(t)), certs.Policy{PrivateRoots: pki.roots}, certs.CodeExpired},
		"no key":              {certs.Parse(b.CertPEM(), nil), certs.Policy{}, certs.CodeNoPrivateKey},
		"nothing":             {certs.Parse(nil, nil), certs.Policy{}, certs.CodeNoCertificate},
	} {
		target := at(t, a)
		before := tree(t, target.Dir)
		_, err := target.Install(t.Context(), tt.pair, certs.Options{Policy: tt.policy})
		assert.ErrorIs(t, err, tt.code, name)
		e, ok := errors.AsType[*certs.Error](err)
		require.True(t, ok, name)
		assert.Equal(t, certs.StageVerify, e.Stage, name)
		assert.Equal(t, certs.StateUntouched, e.State, name)
		assert.Equal(t, before, tree(t, target.Dir), name)
	}
}

func TestInstallStopsAtWhatIsNotItsOwn(t *testing.T) {
	a, b := twoPairs(t)
	stageOf := func(err error) certs.Stage {
		e, ok := errors.AsType[*certs.Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, certs.StateUntouched, e.State)
		return e.Stage
	}

	t.Run("symbolic link", func(t *testing.T) {
		target := at(t, a)
		elsewhere := filepath.Join(t.TempDir(), "fullchain.pem")
		require.NoError(t, os.Rename(target.Dir+"/cert.pem", elsewhere))
		require.NoError(t, os.Symlink(elsewhere, target.Dir+"/cert.pem"))
		before := tree(t, target.Dir)
		_, err := target.Install(t.Context(), b, certs.Options{})
		assert.ErrorIs(t, err, certs.CodeIsSymlink)
		assert.Equal(t, certs.StageStage, stageOf(err))
		assert.Equal(t, before, tree(t, target.Dir))
		assert.Equal(t, a.Fingerprint(), fingerprint(t, target), "Load follows the link")
	})

	t.Run("link to the directory", func(t *testing.T) {
		target := at(t, a)
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(target.Dir, link))
		_, err := certs.Target{Dir: link}.Install(t.Context(), b, certs.Options{})
		require.NoError(t, err)
		assert.Equal(t, b.Fingerprint(), fingerprint(t, target))
		info, err := os.Lstat(link)
		require.NoError(t, err)
		assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	})

	for _, method := range methods {
		t.Run("changed meanwhile by "+string(method), func(t *testing.T) {
			target := at(t, a)
			opt := certs.Options{Method: method}
			opt.OnStep(func(step string) {
				if step == "staged" {
					assert.NoError(t, os.WriteFile(target.Dir+"/cert.pem", []byte("theirs"), 0o644))
					assert.NoError(t, os.WriteFile(target.Dir+"/new.conf", []byte("theirs too"), 0o644))
				}
			})
			_, err := target.Install(t.Context(), b, opt)
			assert.ErrorIs(t, err, certs.ErrChanged)
			assert.Equal(t, certs.StageSwap, stageOf(err))
			for name, want := range map[string]string{"cert.pem": "theirs", "new.conf": "theirs too"} {
				got, err := os.ReadFile(filepath.Join(target.Dir, name))
				require.NoError(t, err)
				assert.Equal(t, want, string(got))
			}
		})
	}

	t.Run("another file meanwhile", func(t *testing.T) {
		target := at(t, a)
		require.NoError(t, os.WriteFile(target.Dir+"/old.conf", []byte("before"), 0o644))
		opt := certs.Options{}
		opt.OnStep(func(step string) {
			if step == "staged" {
				assert.NoError(t, os.WriteFile(target.Dir+"/new.conf", []byte("made"), 0o644))
				assert.NoError(t, os.WriteFile(target.Dir+"/old.tmp", []byte("after"), 0o644))
				assert.NoError(t, os.Rename(target.Dir+"/old.tmp", target.Dir+"/old.conf"))
			}
		})
		_, err := target.Install(t.Context(), b, opt)
		require.NoError(t, err)
		for name, want := range map[string]string{"new.conf": "made", "old.conf": "after"} {
			got, err := os.ReadFile(filepath.Join(target.Dir, name))
			require.NoError(t, err)
			assert.Equal(t, want, string(got))
		}
	})

	t.Run("subdirectory", func(t *testing.T) {
		target := at(t, a)
		require.NoError(t, os.Mkdir(target.Dir+"/archive", 0o700))
		_, err := target.Install(t.Context(), b, certs.Options{Method: certs.MethodExchange})
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		assert.Equal(t, a.Fingerprint(), fingerprint(t, target))
		result, err := target.Install(t.Context(), b, certs.Options{})
		require.NoError(t, err)
		assert.Equal(t, certs.MethodRename, result.Method)
		assert.Equal(t, b.Fingerprint(), fingerprint(t, target))
		assert.DirExists(t, target.Dir+"/archive")
	})

	t.Run("no parent", func(t *testing.T) {
		_, err := certs.Target{Dir: filepath.Join(t.TempDir(), "a", "b")}.Install(t.Context(), a, certs.Options{})
		assert.ErrorIs(t, err, fs.ErrNotExist)
	})

	t.Run("no backup", func(t *testing.T) {
		target := at(t, a)
		for _, id := range []string{"", "../certs", "20260101T000000.000000Z-00000000"} {
			_, err := target.Rollback(t.Context(), id, certs.Options{})
			assert.ErrorIs(t, err, fs.ErrNotExist)
		}
	})

	t.Run("names", func(t *testing.T) {
		for _, name := range []string{"../cert.pem", "a/b", ".", ".hidden", "cert.key"} {
			_, err := certs.Target{Dir: t.TempDir() + "/certs", Cert: name}.Install(t.Context(), a, certs.Options{})
			assert.ErrorIs(t, err, fs.ErrInvalid, name)
		}
	})

	t.Run("lock", func(t *testing.T) {
		target := at(t, a)
		inside, release := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := target.Install(context.Background(), b, certs.Options{Hook: func(context.Context, certs.Stage) error {
				close(inside)
				<-release
				return nil
			}})
			assert.NoError(t, err)
		})
		<-inside
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := target.Install(ctx, a, certs.Options{})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, certs.StageLock, stageOf(err))
		close(release)
		wg.Wait()
		assert.Equal(t, b.Fingerprint(), fingerprint(t, target))
	})
}

func TestRollbackRestoresBytes(t *testing.T) {
	a, b := twoPairs(t)
	key, err := a.KeyPEM()
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		cert  []byte
		exact bool
	}{
		"as an administrator copied it":   {append([]byte("the hub's\r\n"), a.CertPEM()...), true},
		"with the blank line that it had": {[]byte(strings.Replace(string(a.CertPEM()), "\n", "\n\n", 3)), false},
	} {
		target := at(t, a)
		require.NoError(t, os.WriteFile(target.Dir+"/cert.pem", tt.cert, 0o644))
		_, err = target.Install(t.Context(), b, certs.Options{})
		require.NoError(t, err, name)
		_, err = target.Rollback(t.Context(), "", certs.Options{})
		require.NoError(t, err, name)
		got, err := os.ReadFile(target.Dir + "/cert.pem")
		require.NoError(t, err, name)
		want := a.CertPEM()
		if tt.exact {
			want = tt.cert
		}
		assert.Equal(t, string(want), string(got), name)
		gotKey, err := os.ReadFile(target.Dir + "/cert.key")
		require.NoError(t, err, name)
		assert.Equal(t, key, gotKey, name)
	}
}

func TestRollbackToExpiredNeedsForce(t *testing.T) {
	a, err := certs.Generate(certs.Request{Names: []string{"hub.test"}, Life: 2 * time.Hour, Now: time.Now().Add(-3 * time.Hour)})
	require.NoError(t, err)
	_, b := twoPairs(t)
	target := certs.Target{Dir: filepath.Join(t.TempDir(), "certs")}
	_, err = target.Install(t.Context(), a.Host, certs.Options{Force: true})
	require.NoError(t, err)
	_, err = target.Install(t.Context(), b, certs.Options{})
	require.NoError(t, err)
	_, err = target.Rollback(t.Context(), "", certs.Options{})
	assert.ErrorIs(t, err, certs.CodeExpired)
	assert.Equal(t, b.Fingerprint(), fingerprint(t, target))
	_, err = target.Rollback(t.Context(), "", certs.Options{Force: true})
	require.NoError(t, err)
	p, err := target.Load()
	require.NoError(t, err)
	assert.Equal(t, a.Host.Fingerprint(), p.Fingerprint())
}

func TestOwnersAndAttributesAreKept(t *testing.T) {
	testenv.Root(t)
	a, b := twoPairs(t)
	for _, method := range methods {
		target := at(t, a)
		for name, owner := range map[string][2]int{"": {11, 12}, "/cert.pem": {13, 14}, "/cert.key": {15, 16}} {
			require.NoError(t, os.Chown(target.Dir+name, owner[0], owner[1]))
			require.NoError(t, syscall.Setxattr(target.Dir+name, "user.hubhost", []byte(name+"!"), 0))
		}
		_, err := target.Install(t.Context(), b, certs.Options{Method: method})
		require.NoError(t, err)
		for name, owner := range map[string][2]uint32{"": {11, 12}, "/cert.pem": {13, 14}, "/cert.key": {15, 16}} {
			info, err := os.Stat(target.Dir + name)
			require.NoError(t, err)
			st := info.Sys().(*syscall.Stat_t)
			assert.Equal(t, owner, [2]uint32{st.Uid, st.Gid}, "%s %s", method, name)
			value := make([]byte, 100)
			n, err := syscall.Getxattr(target.Dir+name, "user.hubhost", value)
			require.NoError(t, err, "%s %s", method, name)
			assert.Equal(t, name+"!", string(value[:n]))
		}
		require.NoError(t, os.Remove(target.Dir+"/cert.pem"))
		require.NoError(t, os.Remove(target.Dir+"/cert.key"))
		_, err = target.Install(t.Context(), a, certs.Options{Method: method})
		require.NoError(t, err)
		for _, name := range []string{"/cert.pem", "/cert.key"} {
			info, err := os.Stat(target.Dir + name)
			require.NoError(t, err)
			st := info.Sys().(*syscall.Stat_t)
			assert.Equal(t, [2]uint32{11, 12}, [2]uint32{st.Uid, st.Gid}, "a new file belongs to the directory's owner")
		}
	}
}

// server is a TLS server that serves what its hook loaded last.
type server struct {
	mu     sync.Mutex
	cert   tls.Certificate
	addr   string
	target certs.Target
	calls  []certs.Stage
}

func serveTarget(t *testing.T, target certs.Target) *server {
	t.Helper()
	s := &server{target: target}
	s.load(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := s.cert
		return &c, nil
	}})
	require.NoError(t, err)
	s.addr = l.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				c.(*tls.Conn).Handshake()
				c.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return s
}

func (s *server) load(t *testing.T) {
	t.Helper()
	p, err := s.target.Load()
	require.NoError(t, err)
	c, err := p.TLS()
	require.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cert = c
}

func TestServedOrRestored(t *testing.T) {
	t.Parallel()
	a, b := twoPairs(t)
	fault := errors.New("nginx: [emerg]")
	var wg sync.WaitGroup
	for name, tt := range map[string]struct {
		hook    func(t *testing.T, s *server, stage certs.Stage, cancel func()) error
		addr    string // of another endpoint
		isError error
		stage   certs.Stage
		state   certs.State
		calls   []certs.Stage
	}{
		"served": {
			hook:  func(t *testing.T, s *server, _ certs.Stage, _ func()) error { s.load(t); return nil },
			calls: []certs.Stage{certs.StageReload},
		},
		"served after a while": {
			hook: func(t *testing.T, s *server, _ certs.Stage, _ func()) error {
				time.AfterFunc(100*time.Millisecond, func() { s.load(t) })
				return nil
			},
			calls: []certs.Stage{certs.StageReload},
		},
		"refused by the check": {
			hook: func(t *testing.T, s *server, stage certs.Stage, _ func()) error {
				if stage == certs.StageReload {
					return fault
				}
				s.load(t)
				return nil
			},
			isError: fault, stage: certs.StageReload, state: certs.StateRestored,
			calls: []certs.Stage{certs.StageReload, certs.StageRestore},
		},
		"never served": {
			hook: func(t *testing.T, s *server, stage certs.Stage, _ func()) error { return nil }, isError: certs.ErrNotServed,
			stage: certs.StageServed, state: certs.StateRestored,
			calls: []certs.Stage{certs.StageReload, certs.StageRestore},
		},
		"refused twice": {
			hook: func(*testing.T, *server, certs.Stage, func()) error { return fault }, isError: fault,
			stage: certs.StageReload, state: certs.StateRestoredOnDisk,
			calls: []certs.Stage{certs.StageReload, certs.StageRestore},
		},
		"nobody answers": {
			hook: func(*testing.T, *server, certs.Stage, func()) error { return nil }, addr: "127.0.0.1:1", isError: syscall.ECONNREFUSED,
			stage: certs.StageServed, state: certs.StateRestoredOnDisk,
			calls: []certs.Stage{certs.StageReload, certs.StageRestore},
		},
		"cancelled": {
			hook: func(t *testing.T, s *server, stage certs.Stage, cancel func()) error {
				cancel()
				s.load(t)
				return nil
			},
			isError: context.Canceled, stage: certs.StageServed, state: certs.StateRestored,
			calls: []certs.Stage{certs.StageReload, certs.StageRestore},
		},
	} {
		for _, method := range methods {
			// All at once and not as many as there are processors: they wait
			// for servers, and do little else.
			wg.Go(func() {
				t.Run(name+" by "+string(method), func(t *testing.T) {
					target := at(t, a)
					s := serveTarget(t, target)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					endpoint := certs.Endpoint{Addr: cmp.Or(tt.addr, s.addr), Name: "hub.test"}
					switch {
					case tt.addr != "":
						endpoint.Timeout = 500 * time.Millisecond // in vain, however long
					case tt.stage == certs.StageServed:
						endpoint.Timeout = 2 * time.Second
					}
					before := tree(t, target.Dir)
					result, err := target.Install(ctx, b, certs.Options{
						Method: method,
						Hook: func(_ context.Context, stage certs.Stage) error {
							s.calls = append(s.calls, stage)
							return tt.hook(t, s, stage, cancel)
						},
						Endpoint: endpoint,
					})
					assert.Equal(t, tt.calls, s.calls)
					want := b
					if tt.isError == nil {
						require.NoError(t, err)
						assert.True(t, result.Changed)
					} else {
						want = a
						assert.ErrorIs(t, err, tt.isError)
						e, ok := errors.AsType[*certs.Error](err)
						require.True(t, ok)
						assert.Equal(t, tt.stage, e.Stage)
						assert.Equal(t, tt.state, e.State)
						after := tree(t, target.Dir)
						delete(after, "certs.backup") // empty
						assert.Equal(t, before, after)
					}
					assert.Equal(t, want.Fingerprint(), fingerprint(t, target))
					served, err := certs.Served(t.Context(), s.addr, "hub.test")
					require.NoError(t, err)
					assert.True(t, served.Matches(want))
					assert.False(t, served.Matches(map[bool]*certs.Pair{true: b, false: a}[want == a]))
				})
			})
		}
	}
	wg.Wait()
}

func TestServed(t *testing.T) {
	a, _ := twoPairs(t)
	s := serveTarget(t, at(t, a))
	served, err := certs.Served(t.Context(), s.addr, "hub.test")
	require.NoError(t, err)
	assert.Equal(t, a.Fingerprint(), served.Fingerprint())
	assert.Len(t, served.Chain, len(a.Chain()))
	assert.True(t, served.NotAfter().Equal(a.NotAfter()))
	assert.NoError(t, certs.VerifyChain(served.Chain, certs.Policy{Names: []string{"hub.test"}}).Err())

	goroutines := runtime.NumGoroutine()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer plain.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = certs.Served(ctx, plain.Addr().String(), "hub.test") // accepts, and says nothing
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = certs.Served(t.Context(), s.addr, "https://hub.test/")
	assert.Error(t, err)
	_, err = certs.Served(t.Context(), "127.0.0.1:1", "hub.test")
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "127.0.0.1:1")
	await(t, func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines are left")
}
