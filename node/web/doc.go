// Package web serves the pages of a node: posts, mining, an explorer, the network, and
// the pages that other files of this package add.
//
// The pages are rendered on the server with html/template, so that they can be read, and
// their forms submitted, without JavaScript. Scripts in the folder static make them live.
// Everything is embedded in the program, and the content security policy lets a browser
// fetch nothing from anywhere else.
//
// The pages read the chain themselves. For everything else they are a client of the HTTP
// API in the same process: a form becomes a request to the API, so that its rules, its
// limits and its token apply to forms as well. See docs/web.md.
package web
