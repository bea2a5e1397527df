package certs

// OnStep has f called between the steps of an installation.
func (o *Options) OnStep(f func(step string)) { o.step = f }
