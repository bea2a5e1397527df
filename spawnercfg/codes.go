package spawnercfg

// Codes of [Lint], by what they are about. Those that end in -refused, which
// systemd decides, are beside [Unit].
const (
	// CodeUnsure is an option whose value is not certain, or all those of a
	// file or section, so that it was not judged.
	CodeUnsure Code = "value-not-certain"

	// CodeUnknownSection is a section that no class of the hub obeys; the hub
	// ignores it without a word.
	CodeUnknownSection Code = "unknown-section"
	// CodeUnknownOption is an option that the class does not have; the hub
	// ignores it, with a warning in its log.
	CodeUnknownOption Code = "unknown-option"
	// CodeSectionInactive is a section of a spawner, authenticator or proxy
	// that is not the configured one.
	CodeSectionInactive Code = "section-inactive"
	// CodeSpawnerClass is options of SystemdSpawner for a hub that starts
	// servers with something else.
	CodeSpawnerClass Code = "spawner-class"
	// CodeOverridden is an option of a base class that a derived one
	// overrides, wherever they stand in the file.
	CodeOverridden Code = "overridden-by-derived-section"
	// CodeRemovedOption is an option that SystemdSpawner once had.
	CodeRemovedOption Code = "removed-option"
	// CodeDeprecatedOption is an option kept for old files.
	CodeDeprecatedOption Code = "deprecated-option"

	// CodeBadValue is a value that traitlets rejects.
	CodeBadValue Code = "bad-value"
	// CodeByteSize is an amount of memory that JupyterHub does not read.
	CodeByteSize Code = "bad-memory-size"
	// CodeMemoryTiny is a memory limit in which no server starts.
	CodeMemoryTiny Code = "memory-limit-tiny"
	// CodeMemorySwap is a memory limit that leaves swap free.
	CodeMemorySwap Code = "memory-limit-without-swap-limit"
	// CodeNoMemoryLimit is a configuration without a memory limit.
	CodeNoMemoryLimit Code = "no-memory-limit"
	// CodeCPUPercent is a CPU limit that looks like percent.
	CodeCPUPercent Code = "cpu-limit-looks-like-percent"
	// CodeCPULosesPercent is a CPU limit of which a percent is lost.
	CodeCPULosesPercent Code = "cpu-limit-loses-percent"
	// CodeTimeout is a time that is over before it begins.
	CodeTimeout Code = "timeout-not-positive"
	// CodeNoEffect is an option that does nothing here.
	CodeNoEffect Code = "option-without-effect"

	// CodeTemplate is a template that str.format fails at.
	CodeTemplate Code = "bad-template"
	// CodeTemplateField is more than a plain field in a template.
	CodeTemplateField Code = "template-not-plain"
	// CodeNotATemplate is a field in text that is not filled in.
	CodeNotATemplate Code = "not-a-template"
	// CodeBracesOnce is a brace that is right at the first start of a server
	// and breaks the next attempt after one that failed.
	CodeBracesOnce Code = "property-braces-break-retry"
	// CodeUnitNameShared is a unit name that all users share.
	CodeUnitNameShared Code = "unit-name-shared"
	// CodeUnitNameSuffix is a unit name that ends in the user's name, so that
	// the user's name chooses the type of the unit.
	CodeUnitNameSuffix Code = "unit-name-ends-in-user"
	// CodeUnitNameCollision is two known users with the same unit.
	CodeUnitNameCollision Code = "unit-name-collision"
	// CodeUserName is a known user whose unit is not what it looks like.
	CodeUserName Code = "user-name-mangled"
	// CodeSpawnFails is a start that fails for a reason without a code of its
	// own.
	CodeSpawnFails Code = "spawn-fails"

	// CodePathSplits is a path with white space, which systemd takes for two.
	CodePathSplits Code = "path-splits"
	// CodeReadwriteAlone is an exception from read-only paths without any.
	CodeReadwriteAlone Code = "readwrite-without-readonly"
	// CodeCommandHidden is a command that is no longer found because PATH has
	// changed.
	CodeCommandHidden Code = "extra-paths-hide-command"
	// CodeCommandNotSplit is a command with its arguments in one text.
	CodeCommandNotSplit Code = "command-not-split"
	// CodeCommandNone is a command of None.
	CodeCommandNone Code = "command-none"
	// CodeDollar is a $ in the command or its arguments, which systemd expands.
	CodeDollar Code = "dollar-in-command"

	// CodePropertyType is a property that is not text.
	CodePropertyType Code = "property-not-text"
	// CodePropertyShadows is a property in place of what an option says.
	CodePropertyShadows Code = "property-shadows-option"
	// CodePropertyExec is a command that gets the user's name.
	CodePropertyExec Code = "exec-with-user-name"
	// CodePropertyName is no property of systemd.
	CodePropertyName Code = "unknown-property"
	// CodePropertySecret is environment that every user of the machine sees.
	CodePropertySecret Code = "property-environment-is-public"
	// CodeEnvironment is a variable that SystemdSpawner cannot write.
	CodeEnvironment Code = "bad-environment"
	// CodeEnvironmentIgnored is a variable that something else overrides.
	CodeEnvironmentIgnored Code = "environment-ignored"
	// CodeGroupOverride is an override that the hub fails at.
	CodeGroupOverride Code = "bad-group-override"

	// CodeNamedServers is several servers a user with one unit for all.
	CodeNamedServers Code = "named-servers-share-unit"
	// CodeCleanupServers is a hub whose restart ends every session.
	CodeCleanupServers Code = "hub-restart-ends-sessions"
	// CodeGPU is isolated devices beside a use of a GPU.
	CodeGPU Code = "isolate-devices-hides-gpu"
	// CodeSudo is users who can gain privileges.
	CodeSudo Code = "users-can-gain-privileges"
	// CodeSSLPair is a certificate without a key, or a key without one.
	CodeSSLPair Code = "ssl-cert-without-key"
	// CodeDummyAuthenticator is an authenticator that lets everybody be
	// anybody.
	CodeDummyAuthenticator Code = "dummy-authenticator"
	// CodeNoHeaders is a hub without headers of its own.
	CodeNoHeaders Code = "no-security-headers"
	// CodeFrameAncestors is a policy that lets every site frame the hub.
	CodeFrameAncestors Code = "policy-without-frame-ancestors"
	// CodeSubclass is a spawner that this package does not know.
	CodeSubclass Code = "spawner-not-known"
	// CodeControl is a control character in a path or property.
	CodeControl Code = "control-character"
)
