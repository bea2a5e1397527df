// Package examples holds programs on top of the packages, each thin enough to
// be read in one sitting, and each usable as it is:
//
//	tour        an administrator's day with every package; needs nothing
//	hubconfig   read, judge and change the hub's configuration file
//	hubapply    put a changed configuration into effect, or leave the hub as it was
//	hubcert     make, judge, install and take back the hub's certificate
//	hubctl      show and control the hub, its proxy and its users' sessions
//	hublogs     the log of the hub and of its users' sessions
//
// The package itself is empty but for the live tests, which take these
// programs through an administrator's handbook on a real host.
package examples
