package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Network returns the dashboard on the connections between nodes and on how blocks
// travel between them.
func Network() Dashboard {
	return Dashboard{
		UID:   "lode-network",
		Title: "Lode: network",
		About: "How the nodes are connected, how fast blocks travel, and which peers were refused or banned.",
		Rows: []Row{
			{Title: "Connections", Panels: []Panel{
				{
					Title: "Peers by direction", Kind: Lines, Unit: units.Short,
					About:   "out: this node opened the connection. in: the other node did. If out stays at 0, no address in the address book answers; give the node one with --peer. If in stays at 0, other nodes cannot reach this one; see --advertise.",
					Queries: []Query{{`lode_peers{job=~"$job", instance=~"$instance"}`, "{{instance}} {{direction}}"}},
				},
				{
					Title: "Connections by result, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "Successful and failed attempts to connect. unreachable: nothing answers at the address. wrong-network: the node belongs to another network. duplicate and self are normal while nodes find each other.",
					Queries: []Query{{`60 * sum by (direction, result) (rate(lode_peer_connections_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0` + orNone("direction"), "{{direction}} {{result}}"}},
				},
				{
					Title: "Addresses known", Kind: Lines, Unit: units.Short,
					About:   "Number of addresses in the address book. It should be at least the number of nodes in the network, unless that exceeds the book's bound.",
					Queries: []Query{{`lode_addresses{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Blocks on their way", Panels: []Panel{
				{
					Title: "Time for a block to arrive", Kind: Heat, Unit: units.Seconds,
					About:   "Time from the discovery of a block until it is this node's tip. Nodes pass on how long ago a block was found, so their clocks do not matter. The time should be small compared with the block spacing; otherwise branches compete.",
					Queries: []Query{{`sum by (le) (increase(lode_block_propagation_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{le}}"}},
				},
				{
					Title: "Time for a block to arrive, by node", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "95th percentile. If one node is slower than the others, its network connection or its disk is slow.",
					Queries: []Query{{`instance:lode_block_propagation_seconds:p95{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Height by node", Kind: Lines, Unit: units.LocaleFormat,
					About:   "Height of each node's tip. The lines should coincide. If they form two groups, the network is split; see the alert LodeNodesDisagree.",
					Queries: []Query{{`lode_chain_height{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks to sync", Kind: Lines, Unit: units.LocaleFormat,
					About:   "Number of blocks that a node still has to download. It is 0 when the node has caught up. If it stays at another value, the node's peers do not answer.",
					Queries: []Query{{`lode_sync_blocks_remaining{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Blocks synced, per second", Kind: Lines, Unit: units.CountsPerSecond,
					About:   "Rate at which a node that is behind downloads blocks.",
					Queries: []Query{{`sum by (instance) (rate(lode_sync_blocks_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}},
				},
				{
					Title: "Clock against the peers", Kind: Lines, Unit: units.Seconds,
					About:   "A node's clock minus the median of its peers' clocks. If it is more than a minute, the alert LodeClockWrong fires; set the clock: at two hours the node is cut off from the others.",
					Queries: []Query{{`lode_peer_clock_offset_seconds{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Announcements, per minute", Kind: Stack, Unit: units.CountsPerMinute,
					About:   "Announcements of blocks and transactions, sent and received.",
					Queries: []Query{{`60 * sum by (kind, direction) (rate(lode_gossip_announcements_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{kind}} {{direction}}"}},
				},
			}},
			{Title: "Traffic", Panels: []Panel{
				{
					Title: "Bytes, per second", Kind: Lines, Unit: units.BytesPerSecondIEC,
					About:   "Traffic between nodes. If there is much more in one direction, a new node is downloading the chain from this one, or this node is downloading it itself.",
					Queries: []Query{{`sum by (instance, direction) (rate(lode_peer_bytes_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{direction}}"}},
				},
				{
					Title: "Requests to peers by result, per second", Kind: Stack, Unit: units.RequestsPerSecond,
					About:   "refused: the peer refused the request; its own panel Requests of peers refused shows the reason. fault: the peer broke the protocol. failed: the peer did not answer in time.",
					Queries: []Query{{`sum by (route, result) (rate(lode_peer_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0`, "{{route}} {{result}}"}},
				},
				{
					Title: "Time that peers take to answer", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "99th percentile, by route. If all routes are slow, the connections to the peers are slow, or the peers are busy.",
					Queries: []Query{{`histogram_quantile(0.99, sum by (route, le) (rate(lode_peer_request_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))) >= 0`, "{{route}}"}},
				},
			}},
			{Title: "Shut out", Panels: []Panel{
				{
					Title: "Bans, per hour", Kind: Stack, Width: 12, Unit: units.Short,
					About:   "Peers banned for a violation that no correct node commits, by kind (see docs/network.md). A single one is a faulty node; contact its operator. Bans of many addresses are an attack, which the bans fend off.",
					Queries: []Query{{`3600 * sum by (reason) (rate(lode_peer_bans_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0` + orNone("reason"), "{{reason}}"}},
				},
				{
					Title: "Requests of peers refused, per minute", Kind: Stack, Width: 12, Unit: units.CountsPerMinute,
					About:   "By reason (see docs/network.md), such as too many requests at once, another network, or a ban. A steady rate comes from a node that ignores refusals.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_peer_refused_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0` + orNone("reason"), "{{reason}}"}},
				},
			}},
		},
	}
}
