"""The periodic bulletin (定期通报, notice 四(四)): what it says, how it looks, and its editions."""
