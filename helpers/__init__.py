"""What the notebooks import: one module per concept, all without side effects.

Nothing is imported here, so that `import helpers` costs nothing and the local
provider can use `helpers.chat_format` without loading plots or clients.
"""

__version__ = "0.1.0"
