package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Network is about how nodes hear of each other's blocks.
func Network() Dashboard {
	return Dashboard{
		UID:   "lode-network",
		Title: "Lode: network",
		About: "How the nodes are connected, how fast blocks travel, and who was shut out.",
		Rows: []Row{
			{Title: "Connections", Panels: []Panel{
				{
					Title: "Peers by direction", Kind: Lines,
					About:   "out: this node has chosen the other; in: the other way round. 0 out for long: no address in the book answers; give the node one with --peer. 0 in: nobody can reach it; see --advertise.",
					Queries: []Query{{`lode_peers{job=~"$job", instance=~"$instance"}`, "{{instance}} {{direction}}"}},
				},
				{
					Title: "Connections by result, per minute", Kind: Stack,
					About:   "Connections that came about, and attempts that did not. unreachable: an address that is gone; wrong-network: a node of another network; duplicate and self are normal while nodes find each other.",
					Queries: []Query{{`60 * sum by (direction, result) (rate(lode_peer_connections_total{job=~"$job", instance=~"$instance"}[2m])) > 0` + orNone("direction"), "{{direction}} {{result}}"}},
				},
				{
					Title: "Addresses known", Kind: Lines,
					About:   "In the address book. It should be at least as large as the network, up to its bound.",
					Queries: []Query{{`lode_addresses{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Blocks on their way", Panels: []Panel{
				{
					Title: "Time for a block to arrive", Kind: Heat, Unit: units.Seconds,
					About:   "From its being found to its becoming the tip here; nodes pass on how long ago it was found, so clocks do not matter. It should be small beside the spacing, or branches compete.",
					Queries: []Query{{`sum by (le) (increase(lode_block_propagation_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Time for a block to arrive, by node", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "95th percentile. One node that is slower than the others: its link or its disk.",
					Queries: []Query{{`instance:lode_block_propagation_seconds:p95{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Height by node", Kind: Lines, Unit: units.LocaleFormat,
					About:   "The lines should lie on each other. Two bundles: the network is split; see the alert LodeNodesDisagree.",
					Queries: []Query{{`lode_chain_height{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks to sync", Kind: Lines, Unit: units.LocaleFormat,
					About:   "What a node that is behind has yet to fetch. 0 when it has caught up; neither falling nor 0: its peers do not answer.",
					Queries: []Query{{`lode_sync_blocks_remaining{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks synced, per second", Kind: Lines,
					About:   "How fast a node catches up.",
					Queries: []Query{{`sum by (instance) (rate(lode_sync_blocks_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}},
				},
				{
					Title: "Announcements, per minute", Kind: Stack,
					About:   "Blocks and transactions that nodes tell each other of.",
					Queries: []Query{{`60 * sum by (kind, direction) (rate(lode_gossip_announcements_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{kind}} {{direction}}"}},
				},
			}},
			{Title: "Traffic", Panels: []Panel{
				{
					Title: "Bytes, per second", Kind: Lines, Unit: units.BytesPerSecondIEC,
					About:   "Between the nodes. In one direction much more than in the other: this node feeds a newcomer, or is one.",
					Queries: []Query{{`sum by (instance, direction) (rate(lode_peer_bytes_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{direction}}"}},
				},
				{
					Title: "Requests to peers by result, per second", Kind: Stack,
					About:   "refused: the other one had a reason, as in the panel Refused there; fault: it broke the protocol; failed: no answer in time.",
					Queries: []Query{{`sum by (route, result) (rate(lode_peer_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0`, "{{route}} {{result}}"}},
				},
				{
					Title: "Time that peers take to answer", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "99th percentile by route.",
					Queries: []Query{{`histogram_quantile(0.99, sum by (route, le) (rate(lode_peer_request_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[5m]))) >= 0`, "{{route}}"}},
				},
			}},
			{Title: "Shut out", Panels: []Panel{
				{
					Title: "Bans, per hour", Kind: Stack, Width: 12,
					About:   "Peers that broke a rule which no honest node breaks, by the word of the fault (docs/network.md). One: a broken node; ask its owner. Many addresses: an attack, which the bans hold off.",
					Queries: []Query{{`3600 * sum by (reason) (rate(lode_peer_bans_total{job=~"$job", instance=~"$instance"}[10m])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Requests of peers refused, per minute", Kind: Stack, Width: 12,
					About:   "By the word of the refusal (docs/network.md): too many at once, another network, banned. A steady flow is a node that does not listen.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_peer_refused_total{job=~"$job", instance=~"$instance"}[2m])) > 0` + orNone("reason"), "{{reason}}"}},
				},
			}},
		},
	}
}
