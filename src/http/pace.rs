//! Tells the stream of a connection which of its requests are answered, so that it gives one after the other.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, MessageBody};
use actix_http::{Protocol, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, apply_fn_factory};
use actix_web::dev::Extensions;
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

use crate::pipe::{Begun, Pace, Paced};

/// A connection as `accept` knows it.
pub type Accepted<T> = (T, Protocol, Option<SocketAddr>);

/// Serves connections whose requests come one after the other, however many are sent ahead.
pub fn in_turn<T, H>(
    http: H,
) -> impl ServiceFactory<Accepted<T>, Config = (), Response = H::Response, Error = H::Error, InitError = H::InitError>
where
    H: ServiceFactory<Accepted<Paced<T>>, Config = ()>,
{
    apply_fn_factory(http, |(stream, protocol, peer), http: &H::Service| {
        // HTTP/2 has bounds of its own.
        http.call((Paced::new(stream, protocol == Protocol::Http1), protocol, peer))
    })
}

/// Has the requests of a connection know its pace.
pub fn tell_pace<T>(stream: &Paced<T>, connection: &mut Extensions) {
    if let Some(pace) = stream.pace() {
        connection.insert(pace);
    }
}

/// An application that says what it begins with, and when the answer to that has ended.
pub fn paced<A, B>(
    application: impl IntoServiceFactory<A, Request>,
) -> impl ServiceFactory<
    Request,
    Config = A::Config,
    Response = Response<Answer<B>>,
    Error = A::Error,
    InitError = A::InitError,
>
where
    A: ServiceFactory<Request>,
    A::Response: Into<Response<B>>,
    B: MessageBody,
{
    apply_fn_factory(application, |request: Request, application: &A::Service| {
        let begun = request.conn_data::<Pace>().map(Pace::begin);
        let answer = application.call(request);
        async move { Ok(answer.await?.into().map_body(|_, body| Answer { body, begun })) }
    })
}

pin_project! {
    /// The body of an answer, which has ended when this is dropped.
    pub struct Answer<B> {
        #[pin]
        body: B,
        begun: Option<Begun>,
    }
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(cx)
    }
}

#[cfg(test)]
mod tests;
