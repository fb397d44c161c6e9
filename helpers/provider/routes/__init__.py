"""One module per resource of the API; each only translates between HTTP and the rest.

Routes know the store, the runner and the serving of models; nothing knows routes but
`app`. Responses are the `openai` package's own types, built in `views`.
"""
