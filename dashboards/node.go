package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Node returns the dashboard on the HTTP API, the store and the process.
func Node() Dashboard {
	return Dashboard{
		UID:   "lode-node",
		Title: "Lode: node",
		About: "HTTP, store and runtime of the nodes.",
		Rows: []Row{
			{Title: "Process", Panels: []Panel{
				{
					Title: "Version", Kind: Stat, Width: 8, Text: true, Unit: units.Short,
					About:   "Version of the program. The nodes of a network should run the same one; see the alert LodeVersionsMixed.",
					Queries: []Query{{`count by (version, revision) (lode_build_info{job=~"$job", instance=~"$instance"})`, "{{version}} {{revision}}"}},
				},
				{
					Title: "Up since", Kind: Stat, Unit: units.Seconds,
					About:   "Running time of the node that was started last. If it is short although you have not started a node, one has crashed; its log has the reason.",
					Queries: []Query{{`time() - max(process_start_time_seconds{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Store", Kind: Stat, Unit: units.Short,
					About:   "BROKEN means that a write has failed in such a way that the state of the disk is unknown. The node then accepts no more changes. See the alert LodeStoreBroken.",
					Queries: []Query{{`max(lode_store_broken{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   zeroIsGood(),
					Words:   map[string]string{"0": "takes changes", "1": "BROKEN"},
				},
				{
					Title: "Free disk space", Kind: Stat, Unit: units.BytesIEC,
					About:   "Free space of the node that has the least, without regard to quotas. Below 1 GiB, the alert LodeDiskSpaceLow fires.",
					Queries: []Query{{`min(lode_store_free_bytes{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, bad}, {1 << 30, odd}, {4 << 30, good}},
				},
				{
					Title: "Changes that were not made", Kind: Stat, Unit: units.Short,
					About:   "Number of posts and blocks that could not be stored in the period shown. If it is more than 0, see the alert LodeDiskFull.",
					Queries: []Query{{`round(sum(increase(lode_store_failures_total{job=~"$job", instance=~"$instance"}[$__range])))`, ""}},
					Steps:   zeroIsGood(),
				},
			}},
			{Title: "HTTP", Panels: []Panel{
				{
					Title: "Requests by route, per second", Kind: Stack, Unit: units.RequestsPerSecond,
					About:   "Requests to the HTTP API. Those to /metrics come from Prometheus itself.",
					Queries: []Query{{`sum by (route) (rate(lode_http_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0`, "{{route}}"}},
				},
				{
					Title: "Time to answer, 99 of a hundred, by route", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "99th percentile, by route. /mine waits until a block is mined, so its time is that of mining. If another route takes more than 0.5 s for long, see the alert LodeAPISlow.",
					Queries: []Query{{`histogram_quantile(0.99, sum by (route, le) (rate(lode_http_request_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))) >= 0`, "{{route}}"}},
				},
				{
					Title: "Requests by method and code, per second", Kind: Stack, Unit: units.RequestsPerSecond,
					About:   "4xx: the request was wrong. 499: the client disconnected before the answer. 503: the node was at one of its limits. 507: the disk was full.",
					Queries: []Query{{`sum by (method, code) (rate(lode_http_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0`, "{{method}} {{code}}"}},
				},
				{
					Title: "Connections", Kind: Lines, Unit: units.Short,
					About: "Open connections of clients and other nodes. Per minute: connections that were refused because too many were open (see --connections), those that were closed to make room for others, and failures to accept one, for lack of file descriptors.",
					Queries: []Query{
						{`lode_http_connections{job=~"$job", instance=~"$instance"}`, "open, {{instance}}"},
						{`60 * rate(lode_http_connections_refused_total{job=~"$job", instance=~"$instance"}[$__rate_interval])`, "refused, {{instance}}"},
						{`60 * rate(lode_http_connections_evicted_total{job=~"$job", instance=~"$instance"}[$__rate_interval])`, "closed for others, {{instance}}"},
						{`60 * rate(lode_http_accept_failures_total{job=~"$job", instance=~"$instance"}[$__rate_interval])`, "not accepted, {{instance}}"},
					},
				},
				{
					Title: "Requests in flight", Kind: Lines, Unit: units.Short,
					About:   "Requests that have not been answered yet. From 1024 on, a node answers 503. If there are many for a long time, clients are slow, or the disk is.",
					Queries: []Query{{`lode_http_requests_in_flight{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Event streams", Kind: Lines, Unit: units.Short,
					About:   "Browsers and programs that follow the events of a node. From 64 on, a node answers 503 to new ones.",
					Queries: []Query{{`lode_http_event_streams{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Store", Panels: []Panel{
				{
					Title: "Time to commit", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About:   "99th percentile of the time to write a group of changes and sync it to disk. If it is above 100 ms, the disk is slow, or other programs use it too.",
					Queries: []Query{{`instance:lode_store_commit_duration_seconds:p99{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(.1, 1),
				},
				{
					Title: "Changes in a commit", Kind: Lines, Width: 6, Unit: units.Short,
					About:   "Average number of changes, such as posts, that share one sync to disk. It grows with the load, which keeps posts fast.",
					Queries: []Query{{`sum by (instance) (rate(lode_store_changes_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) / sum by (instance) (rate(lode_store_commit_duration_seconds_count{job=~"$job", instance=~"$instance"}[$__rate_interval]) > 0)`, "{{instance}}"}},
				},
				{
					Title: "Size of the store", Kind: Lines, Width: 6, Unit: units.BytesIEC,
					About:   "Size of the store's file. It grows with the chain and with the mempool, and never shrinks.",
					Queries: []Query{{`lode_store_size_bytes{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Changes not made, per minute", Kind: Stack, Width: 6, Unit: units.CountsPerMinute,
					About:   "no-space: the disk is full; free some space, and the node continues by itself. broken: restart the node. refused: a fault in the node; report it.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_store_failures_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))`, "{{reason}}"}},
				},
			}},
			{Title: "Runtime", Panels: []Panel{
				{
					Title: "Memory", Kind: Lines, Width: 6, Unit: units.BytesIEC,
					About: "Resident memory of the process, and the part of it that is Go's heap. The header index takes at most 200 bytes for each block.",
					Queries: []Query{
						{`process_resident_memory_bytes{job=~"$job", instance=~"$instance"}`, "process {{instance}}"},
						{`go_memstats_heap_inuse_bytes{job=~"$job", instance=~"$instance"}`, "heap {{instance}}"},
					},
				},
				{
					Title: "Goroutines", Kind: Lines, Width: 6, Unit: units.Short,
					About:   "Number of goroutines, for workers, requests and peers. If it rises steadily, there is a leak; report it.",
					Queries: []Query{{`go_goroutines{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Longest pause of the garbage collector", Kind: Lines, Width: 6, Unit: units.Seconds,
					About:   "Longest pause in the latest collections. It is far below a millisecond on a machine with a spare core.",
					Queries: []Query{{`max by (instance) (go_gc_duration_seconds{job=~"$job", instance=~"$instance"})`, "{{instance}}"}},
				},
				{
					Title: "Open files", Kind: Lines, Width: 6, Unit: units.PercentUnit,
					About:   "Share of the open files that the process may have. Near 100 % it cannot accept connections; raise the limit (ulimit -n).",
					Queries: []Query{{`process_open_fds{job=~"$job", instance=~"$instance"} / process_max_fds{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(.5, .9),
				},
			}},
		},
	}
}
