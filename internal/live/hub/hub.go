// Package hub is what the live tests know of the hub in the live host: where
// its files are, and its REST API.
package hub

// The files of the hub in the live host.
const (
	ConfigFile = "/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py"
	CertFile   = "/opt/jupyterhub/certs/cert.pem"
	KeyFile    = "/opt/jupyterhub/certs/cert.key"
	// ProxyFile has the environment of the proxy's unit: the secret that the
	// hub and its proxy share.
	ProxyFile = "/opt/jupyterhub/etc/jupyterhub/proxy.env"
	// CAFile has the certificate of the authority that signed CertFile's.
	CAFile = "/opt/jupyterhub/certs/ca.pem"
	// TokenFile has the token of the service that drives the REST API. Only
	// root can read it.
	TokenFile = "/root/hub-token"
)

// HostName is the live host's name.
const HostName = "hubhost"

// URL is where nginx serves the hub.
const URL = "https://" + HostName
