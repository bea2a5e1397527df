package spawnercfg

import (
	"time"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Options is a hub's configuration: what [Options.Python] writes, what
// [Predict] foretells a unit from, and what a file is read into. A field left
// out is unset: it is not written, and the hub uses its default.
type Options struct {
	JupyterHub            JupyterHub
	SystemdSpawner        SystemdSpawner
	Authenticator         Authenticator
	LocalAuthenticator    LocalAuthenticator
	PAMAuthenticator      PAMAuthenticator
	ConfigurableHTTPProxy ConfigurableHTTPProxy
	// Other is every other option, by section and name, with a literal. An
	// option that has a field above is refused here.
	Other []Setting
}

// JupyterHub is the options of the hub itself, as of JupyterHub 5.5.
type JupyterHub struct {
	// SpawnerClass is an entry point ("systemd") or the import path of a class
	// ("systemdspawner.SystemdSpawner"). Default: LocalProcessSpawner, which
	// has no limits at all.
	SpawnerClass Opt[string] `trait:"spawner_class"`
	// AuthenticatorClass is an entry point ("pam") or an import path. Default:
	// PAMAuthenticator.
	AuthenticatorClass Opt[string] `trait:"authenticator_class"`
	// ProxyClass is an entry point or an import path. Default:
	// ConfigurableHTTPProxy.
	ProxyClass Opt[string] `trait:"proxy_class"`

	// BindURL is where the proxy listens for users. Default: http://:8000.
	BindURL Opt[string] `trait:"bind_url"`
	// PublicURL is the address that users see, where that differs.
	PublicURL Opt[string] `trait:"public_url"`
	// IP, Port and BaseURL are the parts of BindURL; the hub takes either.
	IP Opt[string] `trait:"ip"`
	// Port is the port of BindURL.
	Port Opt[int] `trait:"port"`
	// BaseURL is the path that everything is under. Default: "/".
	BaseURL Opt[string] `trait:"base_url"`
	// SubdomainHost gives each user a subdomain of this host.
	SubdomainHost Opt[string] `trait:"subdomain_host"`
	// SSLCert is the file with the certificate and its chain. The hub passes
	// the path to its proxy and does not look into the file.
	SSLCert Opt[string] `trait:"ssl_cert"`
	// SSLKey is the file with the key of SSLCert.
	SSLKey Opt[string] `trait:"ssl_key"`
	// InternalSSL encrypts the traffic between hub, proxy and servers.
	InternalSSL Opt[bool] `trait:"internal_ssl"`
	// InternalCertsLocation is the folder for the certificates of InternalSSL.
	InternalCertsLocation Opt[string] `trait:"internal_certs_location"`
	// TrustedAltNames are more names for those certificates.
	TrustedAltNames Opt[[]string] `trait:"trusted_alt_names"`
	// TrustedDownstreamIPs are proxies whose X-Forwarded-For is believed.
	TrustedDownstreamIPs Opt[[]string] `trait:"trusted_downstream_ips"`
	// ForwardedHostHeader names the header with the host that users see.
	ForwardedHostHeader Opt[string] `trait:"forwarded_host_header"`

	// HubBindURL is where the hub itself listens. Default:
	// http://127.0.0.1:8081.
	HubBindURL Opt[string] `trait:"hub_bind_url"`
	// HubConnectURL is where servers and proxy reach the hub.
	HubConnectURL Opt[string] `trait:"hub_connect_url"`
	// HubIP is the address of HubBindURL.
	HubIP Opt[string] `trait:"hub_ip"`
	// HubPort is the port of HubBindURL.
	HubPort Opt[int] `trait:"hub_port"`
	// HubConnectIP is the host of HubConnectURL.
	HubConnectIP Opt[string] `trait:"hub_connect_ip"`
	// HubRoutespec is the route under which the proxy serves the hub.
	HubRoutespec Opt[string] `trait:"hub_routespec"`

	// CleanupServers stops every user's server when the hub stops. Default:
	// true, so a restart of the hub ends every session.
	CleanupServers Opt[bool] `trait:"cleanup_servers"`
	// CleanupProxy stops the proxy when the hub stops. Default: true.
	CleanupProxy Opt[bool] `trait:"cleanup_proxy"`
	// ShutdownOnLogout stops a user's servers at logout. Default: false.
	ShutdownOnLogout Opt[bool] `trait:"shutdown_on_logout"`
	// AllowNamedServers lets a user have several servers. With SystemdSpawner
	// all of them are one unit, so that each start ends the one before.
	AllowNamedServers Opt[bool] `trait:"allow_named_servers"`
	// NamedServerLimitPerUser is how many named servers a user may have.
	NamedServerLimitPerUser Opt[int] `trait:"named_server_limit_per_user"`
	// DefaultServerName is where a user without a named server is sent.
	DefaultServerName Opt[string] `trait:"default_server_name"`
	// ConcurrentSpawnLimit is how many servers may be starting at once.
	// Default: 100; 0 is no limit.
	ConcurrentSpawnLimit Opt[int] `trait:"concurrent_spawn_limit"`
	// ActiveServerLimit is how many servers may run. Default: 0, no limit.
	ActiveServerLimit Opt[int] `trait:"active_server_limit"`
	// InitSpawnersTimeout is how long the hub waits at its start for the
	// servers that were running, in whole seconds. Default: 10 s.
	InitSpawnersTimeout Opt[time.Duration] `trait:"init_spawners_timeout"`
	// ImplicitSpawn is how long after a visit to a stopped server that server
	// is started. Default: 0, not at all.
	ImplicitSpawn Opt[time.Duration] `trait:"implicit_spawn_seconds"`
	// RedirectToServer sends a user to their server after login. Default: true.
	RedirectToServer Opt[bool] `trait:"redirect_to_server"`
	// DefaultURL is where a user is sent after login.
	DefaultURL Opt[string] `trait:"default_url"`

	// TornadoSettings are settings of the hub's web server: see there for the
	// headers that a hub should send.
	TornadoSettings Opt[TornadoSettings] `trait:"tornado_settings"`
	// CookieSecretFile holds the key that signs cookies. Default:
	// jupyterhub_cookie_secret in the working directory.
	CookieSecretFile Opt[string] `trait:"cookie_secret_file"`
	// CookieMaxAgeDays is how long a login lasts, in days. Default: 14.
	CookieMaxAgeDays Opt[float64] `trait:"cookie_max_age_days"`
	// CookieHostPrefixEnabled gives cookies the __Host- prefix. Default: false.
	CookieHostPrefixEnabled Opt[bool] `trait:"cookie_host_prefix_enabled"`
	// OAuthTokenExpiresIn is how long a server's token lasts, in whole
	// seconds. Default: that of the cookie.
	OAuthTokenExpiresIn Opt[time.Duration] `trait:"oauth_token_expires_in"`
	// TokenExpiresInMax is the longest life of a token, in whole seconds.
	// Default: 0, no limit.
	TokenExpiresInMax Opt[time.Duration] `trait:"token_expires_in_max_seconds"`
	// AuthenticatePrometheus asks for a token at /metrics. Default: true.
	AuthenticatePrometheus Opt[bool] `trait:"authenticate_prometheus"`

	// DBURL is the database. Default: sqlite:///jupyterhub.sqlite, in the
	// working directory.
	DBURL Opt[string] `trait:"db_url"`
	// DBKwargs are more arguments for the database's engine.
	DBKwargs Opt[pyvalue.Value] `trait:"db_kwargs"`
	// UpgradeDB brings the database to the hub's version at its start.
	// Default: false.
	UpgradeDB Opt[bool] `trait:"upgrade_db"`
	// PIDFile is a file for the hub's process number.
	PIDFile Opt[string] `trait:"pid_file"`
	// LogLevel is a number or one of DEBUG, INFO, WARN, ERROR, CRITICAL.
	// Default: 30 by traitlets, INFO by JupyterHub.
	LogLevel Opt[pyvalue.Value] `trait:"log_level"`
	// DataFilesPath is where the hub's templates and static files are.
	DataFilesPath Opt[string] `trait:"data_files_path"`
	// TemplatePaths are folders with page templates that replace the hub's.
	TemplatePaths Opt[[]string] `trait:"template_paths"`
	// TemplateVars are variables for the page templates.
	TemplateVars Opt[pyvalue.Value] `trait:"template_vars"`
	// LogoFile is an image for the pages.
	LogoFile Opt[string] `trait:"logo_file"`
	// StatsdHost, StatsdPort and StatsdPrefix say where metrics are sent.
	StatsdHost Opt[string] `trait:"statsd_host"`
	// StatsdPort goes with StatsdHost.
	StatsdPort Opt[int] `trait:"statsd_port"`
	// StatsdPrefix goes with StatsdHost.
	StatsdPrefix Opt[string] `trait:"statsd_prefix"`

	// Services are the programs that use the hub's API.
	Services Opt[[]Service] `trait:"services"`
	// LoadRoles are the roles that the hub makes at its start.
	LoadRoles Opt[[]Role] `trait:"load_roles"`
	// LoadGroups is a dict of group names and their users.
	LoadGroups Opt[pyvalue.Value] `trait:"load_groups"`
	// CustomScopes is a dict of scopes and what they mean.
	CustomScopes Opt[pyvalue.Value] `trait:"custom_scopes"`
	// AdminAccess lets admins into users' servers. It does nothing since
	// JupyterHub 2.0: a role with the scope access:servers does.
	AdminAccess Opt[bool] `trait:"admin_access"`
	// ServiceCheckInterval is how often services are looked at, in whole
	// seconds. Default: 60 s.
	ServiceCheckInterval Opt[time.Duration] `trait:"service_check_interval"`
	// LastActivityInterval is how often the proxy is asked who is active, in
	// whole seconds. Default: 300 s.
	LastActivityInterval Opt[time.Duration] `trait:"last_activity_interval"`
	// ActivityResolution is how often activity is noted, in whole seconds.
	// Default: 30 s.
	ActivityResolution Opt[time.Duration] `trait:"activity_resolution"`
	// ActiveUserWindow is how long after the last activity a user counts as
	// active, in whole seconds. Default: 30 min.
	ActiveUserWindow Opt[time.Duration] `trait:"active_user_window"`
	// APIPageDefaultLimit is the default page length of the API. Default: 50.
	APIPageDefaultLimit Opt[int] `trait:"api_page_default_limit"`
	// APIPageMaxLimit is the longest page of the API. Default: 200.
	APIPageMaxLimit Opt[int] `trait:"api_page_max_limit"`
}

// SystemdSpawner is the options of SystemdSpawner 1.0: the 13 of its own and
// the 33 that it has from JupyterHub's Spawner. All are written for the
// section SystemdSpawner, which has the last word over the section Spawner.
type SystemdSpawner struct {
	// MemLimit is the most memory that all processes of a server have
	// together, page cache included; the kernel kills one of them at the
	// limit. It becomes MemoryMax. Default, and None: no limit.
	MemLimit Opt[ByteSize] `trait:"mem_limit"`
	// CPULimit is the most CPUs' worth of time, 0.5 being half of one. It
	// becomes CPUQuota, cut to whole percent. Default, and None: no limit.
	CPULimit Opt[float64] `trait:"cpu_limit"`
	// MemGuarantee has no effect on the unit: SystemdSpawner only tells the
	// server of it.
	MemGuarantee Opt[ByteSize] `trait:"mem_guarantee"`
	// CPUGuarantee has no effect on the unit: SystemdSpawner only tells the
	// server of it.
	CPUGuarantee Opt[float64] `trait:"cpu_guarantee"`

	// UnitNameTemplate names a user's unit, and the folder under /run with
	// its environment file. Default: jupyter-{USERNAME}-singleuser.
	UnitNameTemplate Opt[Template] `trait:"unit_name_template"`
	// UsernameTemplate names the Unix account, which must exist. Default:
	// {USERNAME}. Without effect with DynamicUsers.
	UsernameTemplate Opt[Template] `trait:"username_template"`
	// UserWorkingdir is the directory that the server starts in. Default, and
	// None: the account's home. Without effect with DynamicUsers.
	UserWorkingdir Opt[Template] `trait:"user_workingdir"`
	// DynamicUsers runs each server as an account that systemd makes for it,
	// with a home under /var/lib. Default: false.
	DynamicUsers Opt[bool] `trait:"dynamic_users"`
	// IsolateTmp gives each user a /tmp of their own. Default: false.
	IsolateTmp Opt[bool] `trait:"isolate_tmp"`
	// IsolateDevices gives each user a /dev with only the pseudo-devices; GPUs
	// are not among them. Default: false.
	IsolateDevices Opt[bool] `trait:"isolate_devices"`
	// DisableUserSudo keeps users from gaining privileges (sudo, set-user-ID
	// programs). Default: true since SystemdSpawner 1.0.
	DisableUserSudo Opt[bool] `trait:"disable_user_sudo"`
	// ReadonlyPaths cannot be written to. A leading "-" lets a path be absent.
	// Default, and None: none.
	ReadonlyPaths Opt[[]Template] `trait:"readonly_paths"`
	// ReadwritePaths are exceptions to ReadonlyPaths.
	ReadwritePaths Opt[[]Template] `trait:"readwrite_paths"`
	// ExtraPaths are put in front of PATH.
	ExtraPaths Opt[[]Template] `trait:"extra_paths"`
	// DefaultShell is the server's SHELL, over that of Environment. Default:
	// the hub's own, or /bin/bash.
	DefaultShell Opt[string] `trait:"default_shell"`
	// Slice is the systemd slice of all users' units, whose limits they share.
	// Its text is not a template. Default, and None: system.slice.
	Slice Opt[string] `trait:"slice"`
	// UnitExtraProperties are further properties of the unit, which replace
	// those that other options give.
	UnitExtraProperties Opt[[]Property] `trait:"unit_extra_properties"`

	// Cmd is the command of the server, filled in as a template. Default:
	// jupyterhub-singleuser.
	Cmd Opt[[]Template] `trait:"cmd"`
	// Args are the arguments after Cmd, filled in as templates. systemd
	// expands $ in them: $$ is one.
	Args Opt[[]Template] `trait:"args"`
	// Environment is added to the server's environment and wins over all else
	// but SHELL and PATH's first part.
	Environment Opt[map[string]string] `trait:"environment"`
	// EnvKeep are variables of the hub's own environment that servers get.
	// Default since JupyterHub 5.2: only JUPYTERHUB_SINGLEUSER_APP.
	EnvKeep Opt[[]string] `trait:"env_keep"`
	// NotebookDir is the folder that the server shows first; "{username}" is
	// filled in, "~" is the home.
	NotebookDir Opt[string] `trait:"notebook_dir"`
	// DefaultURL is the page that a user sees first, such as "/lab".
	DefaultURL Opt[string] `trait:"default_url"`
	// IP is the address that the server listens on. Default: 127.0.0.1.
	IP Opt[string] `trait:"ip"`
	// Port has no effect: SystemdSpawner takes a random one.
	Port Opt[int] `trait:"port"`
	// StartTimeout is how long a server may take to start, in whole seconds.
	// Default: 60 s.
	StartTimeout Opt[time.Duration] `trait:"start_timeout"`
	// HTTPTimeout is how long a started server may take to answer, in whole
	// seconds. Default: 30 s.
	HTTPTimeout Opt[time.Duration] `trait:"http_timeout"`
	// PollInterval is how often the hub looks whether a server runs, in whole
	// seconds. Default: 30 s.
	PollInterval Opt[time.Duration] `trait:"poll_interval"`
	// PollJitter spreads PollInterval by up to this part of it, 0 to 1.
	// Default: 0.1.
	PollJitter Opt[float64] `trait:"poll_jitter"`
	// ConsecutiveFailureLimit is after how many failed starts in a row the hub
	// exits. Default: 0, never.
	ConsecutiveFailureLimit Opt[int] `trait:"consecutive_failure_limit"`
	// Debug makes servers log more. Default: false.
	Debug Opt[bool] `trait:"debug"`
	// DisableUserConfig makes servers ignore users' own Jupyter
	// configuration. Default: false.
	DisableUserConfig Opt[bool] `trait:"disable_user_config"`
	// HubConnectURL is where servers reach the hub. Default, and None: that of
	// the hub.
	HubConnectURL Opt[string] `trait:"hub_connect_url"`
	// GroupOverrides are options for the members of groups, since JupyterHub
	// 5.1.
	GroupOverrides Opt[[]GroupOverride] `trait:"group_overrides"`
	// OptionsForm is the HTML of a form shown before a start.
	OptionsForm Opt[string] `trait:"options_form"`
	// OptionsFromForm is "simple" or "passthrough": how the form is read
	// (JupyterHub 5.3).
	OptionsFromForm Opt[string] `trait:"options_from_form"`
	// ApplyUserOptions is a dict from the form's fields to options (JupyterHub
	// 5.3).
	ApplyUserOptions Opt[pyvalue.Value] `trait:"apply_user_options"`
	// OAuthClientAllowedScopes are the scopes that a server may ask of its
	// visitors.
	OAuthClientAllowedScopes Opt[[]string] `trait:"oauth_client_allowed_scopes"`
	// OAuthRoles is the older form of OAuthClientAllowedScopes.
	OAuthRoles Opt[[]string] `trait:"oauth_roles"`
	// ServerTokenScopes are the scopes of a server's own token.
	ServerTokenScopes Opt[[]string] `trait:"server_token_scopes"`
	// SSLAltNames are names for the server's certificate with InternalSSL.
	SSLAltNames Opt[[]string] `trait:"ssl_alt_names"`
	// SSLAltNamesIncludeLocal adds the local names to those. Default: true.
	SSLAltNamesIncludeLocal Opt[bool] `trait:"ssl_alt_names_include_local"`
	// AuthStateHook can be None here: a function needs Python.
	AuthStateHook Opt[pyvalue.Value] `trait:"auth_state_hook"`
	// PreSpawnHook can be None here: a function needs Python.
	PreSpawnHook Opt[pyvalue.Value] `trait:"pre_spawn_hook"`
	// PostStopHook can be None here: a function needs Python.
	PostStopHook Opt[pyvalue.Value] `trait:"post_stop_hook"`
	// ProgressReadyHook can be None here: a function needs Python.
	ProgressReadyHook Opt[pyvalue.Value] `trait:"progress_ready_hook"`
}

// Authenticator is the options of every authenticator.
type Authenticator struct {
	// AdminUsers administer the hub; each of them can become every user.
	AdminUsers Opt[[]string] `trait:"admin_users"`
	// AllowedUsers may log in.
	AllowedUsers Opt[[]string] `trait:"allowed_users"`
	// BlockedUsers may not, whatever else allows them.
	BlockedUsers Opt[[]string] `trait:"blocked_users"`
	// AllowAll lets everybody in whom the authenticator knows. Default: false,
	// since JupyterHub 5.0; before, an empty AllowedUsers did.
	AllowAll Opt[bool] `trait:"allow_all"`
	// AllowExistingUsers lets users in that the database has. Default: true if
	// AllowedUsers is given.
	AllowExistingUsers Opt[bool] `trait:"allow_existing_users"`
	// AnyAllowConfig says that something allows users that the hub cannot see.
	AnyAllowConfig Opt[bool] `trait:"any_allow_config"`
	// UsernamePattern is a Python regular expression that names must match.
	UsernamePattern Opt[string] `trait:"username_pattern"`
	// UsernameMap gives users of the authenticator another name in the hub.
	UsernameMap Opt[map[string]string] `trait:"username_map"`
	// DeleteInvalidUsers drops users from the database that may not log in.
	// Default: false.
	DeleteInvalidUsers Opt[bool] `trait:"delete_invalid_users"`
	// EnableAuthState keeps what the authenticator knows of a user, encrypted.
	// Default: false.
	EnableAuthState Opt[bool] `trait:"enable_auth_state"`
	// ManageGroups lets the authenticator say who is in which group. Default:
	// false.
	ManageGroups Opt[bool] `trait:"manage_groups"`
	// ManageRoles lets the authenticator give roles. Default: false.
	ManageRoles Opt[bool] `trait:"manage_roles"`
	// ResetManagedRolesOnStartup drops those roles at the hub's start.
	ResetManagedRolesOnStartup Opt[bool] `trait:"reset_managed_roles_on_startup"`
	// AuthRefreshAge is for how long a login is not asked for again, in whole
	// seconds. Default: 300 s.
	AuthRefreshAge Opt[time.Duration] `trait:"auth_refresh_age"`
	// RefreshPreSpawn asks again before each start. Default: false.
	RefreshPreSpawn Opt[bool] `trait:"refresh_pre_spawn"`
	// RefreshPreStop asks again before each stop. Default: false.
	RefreshPreStop Opt[bool] `trait:"refresh_pre_stop"`
	// AutoLogin leaves the login page out. Default: false.
	AutoLogin Opt[bool] `trait:"auto_login"`
	// AutoLoginOAuth2Authorize does so for servers' logins too.
	AutoLoginOAuth2Authorize Opt[bool] `trait:"auto_login_oauth2_authorize"`
	// RequestOTP asks for a one-time password. Default: false.
	RequestOTP Opt[bool] `trait:"request_otp"`
	// OTPPrompt is the text beside that field. Default: "OTP:".
	OTPPrompt Opt[string] `trait:"otp_prompt"`
}

// LocalAuthenticator is the options of authenticators of Unix accounts.
type LocalAuthenticator struct {
	// CreateSystemUsers makes the account of a user who has none. Default:
	// false.
	CreateSystemUsers Opt[bool] `trait:"create_system_users"`
	// AddUserCmd is the command for that; USERNAME in it is the name.
	AddUserCmd Opt[[]string] `trait:"add_user_cmd"`
	// AllowedGroups are Unix groups whose members may log in.
	AllowedGroups Opt[[]string] `trait:"allowed_groups"`
}

// PAMAuthenticator is the options of the default authenticator.
type PAMAuthenticator struct {
	// AdminGroups are Unix groups whose members administer the hub.
	AdminGroups Opt[[]string] `trait:"admin_groups"`
	// CheckAccount asks PAM whether the account is good. Default: true.
	CheckAccount Opt[bool] `trait:"check_account"`
	// OpenSessions opens a PAM session for each server. Default: false.
	OpenSessions Opt[bool] `trait:"open_sessions"`
	// PAMNormalizeUsername takes the name that PAM gives. Default: false.
	PAMNormalizeUsername Opt[bool] `trait:"pam_normalize_username"`
	// Service is the PAM service. Default: login.
	Service Opt[string] `trait:"service"`
	// Encoding is that of names and passwords. Default: utf8.
	Encoding Opt[string] `trait:"encoding"`
}

// ConfigurableHTTPProxy is the options of the default proxy.
type ConfigurableHTTPProxy struct {
	// Command starts the proxy. Default: configurable-http-proxy.
	Command Opt[[]string] `trait:"command"`
	// APIURL is where the hub reaches the proxy. Default:
	// http://127.0.0.1:8001.
	APIURL Opt[string] `trait:"api_url"`
	// AuthToken is the secret that the hub and a proxy that it does not start
	// itself share. The hub also takes it from CONFIGPROXY_AUTH_TOKEN.
	AuthToken Opt[string] `trait:"auth_token"`
	// ShouldStart makes the hub start the proxy. Default: true.
	ShouldStart Opt[bool] `trait:"should_start"`
	// PIDFile is a file for the proxy's process number. Default:
	// jupyterhub-proxy.pid in the working directory.
	PIDFile Opt[string] `trait:"pid_file"`
	// CheckRunningInterval is how often the hub looks whether the proxy runs,
	// in whole seconds. Default: 5 s.
	CheckRunningInterval Opt[time.Duration] `trait:"check_running_interval"`
	// LogLevel is one of debug, info, warn, error. Default: info.
	LogLevel Opt[string] `trait:"log_level"`
	// Debug makes the proxy log more. Default: false.
	Debug Opt[bool] `trait:"debug"`
}
