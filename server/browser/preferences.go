package browser

// These tables are read, never written.
var (
	// torBrowser is what Tor Browser sets and a page can notice, and the proxy:
	// a loopback port on which nobody listens, for all but 127.0.0.1.
	torBrowser = map[string]any{
		"network.proxy.type":                         1,
		"network.proxy.socks":                        "127.0.0.1",
		"network.proxy.socks_port":                   9,
		"network.proxy.socks_remote_dns":             true,
		"network.proxy.failover_direct":              false,
		"network.proxy.allow_hijacking_localhost":    true,
		"network.proxy.no_proxies_on":                "127.0.0.1",
		"network.dns.disabled":                       true,
		"network.dns.disablePrefetch":                true,
		"network.dns.blockDotOnion":                  false,
		"network.prefetch-next":                      false,
		"network.predictor.enabled":                  false,
		"network.http.speculative-parallel-limit":    0,
		"network.http.http3.enable":                  false,
		"media.peerconnection.enabled":               false,
		"privacy.resistFingerprinting":               true,
		"browser.privatebrowsing.autostart":          true,
		"dom.security.https_only_mode":               true,
		"dom.security.https_only_mode.upgrade_onion": false,
		"dom.securecontext.allowlist_onions":         true,
		"browser.formfill.enable":                    false,
		"signon.rememberSignons":                     false,
	}

	// silence keeps Firefox from asking anyone for anything, and sets what
	// driving it needs.
	silence = map[string]any{
		"marionette.port":                                   0,
		"app.update.disabledForTesting":                     true,
		"app.update.enabled":                                false,
		"app.update.auto":                                   false,
		"app.normandy.enabled":                              false,
		"app.shield.optoutstudies.enabled":                  false,
		"browser.newtabpage.enabled":                        false,
		"browser.newtabpage.activity-stream.feeds.topsites": false,
		"browser.region.network.url":                        "",
		"browser.region.update.enabled":                     false,
		"browser.safebrowsing.malware.enabled":              false,
		"browser.safebrowsing.phishing.enabled":             false,
		"browser.safebrowsing.downloads.enabled":            false,
		"browser.search.update":                             false,
		"browser.shell.checkDefaultBrowser":                 false,
		"browser.startup.page":                              0,
		"browser.topsites.contile.enabled":                  false,
		"datareporting.healthreport.uploadEnabled":          false,
		"datareporting.policy.dataSubmissionEnabled":        false,
		"dom.push.connection.enabled":                       false,
		"extensions.getAddons.cache.enabled":                false,
		"extensions.systemAddon.update.enabled":             false,
		"extensions.update.enabled":                         false,
		"geo.provider.network.url":                          "",
		"media.gmp-manager.updateEnabled":                   false,
		"messaging-system.rsexperimentloader.enabled":       false,
		"network.captive-portal-service.enabled":            false,
		"network.connectivity-service.enabled":              false,
		"network.trr.mode":                                  5,
		"security.remote_settings.crlite_filters.enabled":   false,
		"security.remote_settings.intermediates.enabled":    false,
		"services.settings.server":                          "data:,#remote-settings-dummy/v1",
		"toolkit.telemetry.enabled":                         false,
		"toolkit.telemetry.server":                          "data:,",
		"toolkit.telemetry.unified":                         false,
		"ui.useOverlayScrollbars":                           1,
	}

	// safest is Tor Browser's level without scripts.
	safest = map[string]any{
		"javascript.enabled":             false,
		"svg.disabled":                   true,
		"mathml.disabled":                true,
		"gfx.downloadable_fonts.enabled": false,
	}

	// safer is Tor Browser's level with scripts that are interpreted only.
	safer = map[string]any{
		"javascript.enabled":               true,
		"javascript.options.ion":           false,
		"javascript.options.baselinejit":   false,
		"javascript.options.native_regexp": false,
		"javascript.options.wasm":          false,
		"javascript.options.asmjs":         false,
		"mathml.disabled":                  true,
	}

	// standard is the level at which Tor Browser starts.
	standard = map[string]any{"javascript.enabled": true}
)
