"""Tasks and recorded episodes in a browser, by viser; `bimodal view --browser`."""
