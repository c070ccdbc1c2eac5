//! Resources of a server.

use rmcp::model::{
    ClientRequest, ListResourceTemplatesRequest, ListResourcesRequest, ReadResourceRequest,
    ReadResourceRequestParams, ServerResult,
};

use super::{McpConnection, content, request::request_span};
use crate::{
    conversation::Content,
    mcp::{McpError, keys::RESOURCE_URI},
};

const LIST: &str = "resources/list";
const LIST_TEMPLATES: &str = "resources/templates/list";
const READ: &str = "resources/read";

/// Resource of an MCP server, such as a file, which [`McpConnection::read_resource`] reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpResource {
    /// The URI.
    pub uri: String,
    /// The name.
    pub name: String,
    /// The description; empty if the server has none.
    pub description: String,
    /// The media type, such as `text/plain`, if the server knows it.
    pub media_type: Option<String>,
}

/// URI template for resources, by RFC 6570.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceTemplate {
    /// The template, such as `file:///{path}`.
    pub uri_template: String,
    /// The name.
    pub name: String,
    /// The description; empty if the server has none.
    pub description: String,
    /// The media type, if all resources with such a URI have the same one.
    pub media_type: Option<String>,
}

impl McpConnection {
    /// Returns the resources that the server lists.
    ///
    /// # Errors
    ///
    /// If the server does not answer with a list of resources.
    pub async fn resources(&self) -> Result<Vec<McpResource>, McpError> {
        let inner = &self.0;
        let request = |params| {
            let request = ListResourcesRequest { params, ..ListResourcesRequest::default() };
            ClientRequest::ListResourcesRequest(request)
        };
        let read = |answer| match answer {
            ServerResult::ListResourcesResult(page) => Some((page.resources, page.next_cursor)),
            _ => None,
        };
        let all = inner.pages(LIST, |span| span, request, read).await?.into_iter();
        let resources = all.map(|resource| McpResource {
            uri: resource.uri,
            name: resource.name,
            description: resource.description.unwrap_or_default(),
            media_type: resource.mime_type,
        });
        Ok(resources.collect())
    }

    /// Returns the URI templates for further resources that the server lists.
    ///
    /// # Errors
    ///
    /// If the server does not answer with a list of templates.
    pub async fn resource_templates(&self) -> Result<Vec<ResourceTemplate>, McpError> {
        let inner = &self.0;
        let request = |params| {
            let request =
                ListResourceTemplatesRequest { params, ..ListResourceTemplatesRequest::default() };
            ClientRequest::ListResourceTemplatesRequest(request)
        };
        let read = |answer| match answer {
            ServerResult::ListResourceTemplatesResult(page) => {
                Some((page.resource_templates, page.next_cursor))
            }
            _ => None,
        };
        let all = inner.pages(LIST_TEMPLATES, |span| span, request, read).await?.into_iter();
        let templates = all.map(|template| ResourceTemplate {
            uri_template: template.uri_template,
            name: template.name,
            description: template.description.unwrap_or_default(),
            media_type: template.mime_type,
        });
        Ok(templates.collect())
    }

    /// Reads a resource, and returns its text, images and files as content of a message.
    ///
    /// # Errors
    ///
    /// If the server has no such resource, or does not answer with its content.
    pub async fn read_resource(&self, uri: impl AsRef<str>) -> Result<Content, McpError> {
        let (inner, uri) = (&self.0, uri.as_ref());
        let request = ReadResourceRequest::new(ReadResourceRequestParams::new(uri));
        let read = |answer| match answer {
            ServerResult::ReadResourceResult(result) => {
                let contents = result.contents.into_iter();
                Ok(contents.map(content::contents).collect::<Vec<_>>())
            }
            _ => Err(inner.misfit(READ, "the content of a resource")),
        };
        let span = request_span(READ, None).with(RESOURCE_URI, inner.secrets.hide(uri));
        let parts = inner.request(span, ClientRequest::ReadResourceRequest(request), read).await?;
        Ok(parts.into())
    }
}
