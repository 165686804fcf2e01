// Package report turns the results of an experiment of package lab into report.html, a
// page that loads nothing from elsewhere, and its charts as SVG and PNG.
//
// A sweep gets curves with 95 % intervals, and theory beside them where there is one. One
// point is shown in detail from a [Trace], which runs a replica again: histograms, the
// block tree around the longest fork, and how one block spread through the network.
//
// The same results give the same files to the last byte: nothing depends on the date, the
// machine or the order of maps.
package report
